# make install    programs, the worker's image, a systemd unit and a file with every setting on this machine; also the upgrade
# make uninstall  removes them; settings, secrets, recordings and the database stay
# make demo    five calls in four languages against the sandbox, live, then outcomes and recordings; needs no account anywhere
# make test    everything, on real Postgres, Docker, SIP and RTP of this machine; each fuzz target for five seconds
# make lint    format, clippy, scripts, licences, unused dependencies, known advisories
# make fuzz    random bytes for everything that reads bytes from outside, FUZZ_SECONDS=60 for each target
# make bench   how fast, how small
# make chaos   the five chaos runs the field publishes for queues in Postgres, and 500 calls in a row: lost, dialled twice, left over
# make image   the images for production, offhook-worker:latest and offhook:latest
# make strangers   calls to callees in free wording, with Whisper and a neural voice from PyPI; not part of make test
# make setup   the missing Debian packages
SHELL := bash
.PHONY: install uninstall demo test lint fuzz bench chaos strangers image setup

# What scripts/install.sh takes, for these two alone: others build with what the environment has.
places = DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" SYSCONFDIR="$(SYSCONFDIR)" LAUNCHER="$(LAUNCHER)" PROGRAMS="$(PROGRAMS)" FORCE="$(FORCE)"

install:
	@$(places) scripts/install.sh

uninstall:
	@$(places) scripts/install.sh uninstall

demo: setup
	@scripts/demo.sh

test: setup
	@scripts/test.sh $(ARGS)

lint: setup
	@scripts/lint.sh

fuzz: setup
	@scripts/fuzz.sh

bench: setup
	@scripts/bench.sh

chaos: setup
	@scripts/chaos.sh

strangers: setup
	@scripts/strangers.sh

image:
	cargo build --release -p offhook-worker -p offhook-coordinator
	@for program in offhook-worker offhook; do scripts/image.sh "$$(. scripts/common.sh && programs release)/$$program" latest; done

setup:
	@scripts/setup.sh
