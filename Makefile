# make demo    one call after another against the sandbox, outcomes and recordings at the end; needs no account anywhere
# make test    everything, on real Postgres, Docker, SIP and RTP of this machine
# make lint    format, clippy, licences, scripts
# make bench   how fast, how small
# make image   the worker's image for production, offhook-worker:latest
# make setup   the missing Debian packages
SHELL := bash
.PHONY: demo test lint bench image setup

demo: setup
	@scripts/demo.sh

test: setup
	@scripts/test.sh $(ARGS)

lint: setup
	@scripts/lint.sh

bench: setup
	@scripts/bench.sh

image:
	cargo build --release -p offhook-worker
	@scripts/image.sh "$$(. scripts/common.sh && programs release)/offhook-worker" latest

setup:
	@scripts/setup.sh
