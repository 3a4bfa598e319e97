"""A telephone exchange on one UDP port: takes calls (RFC 3261, as far as calls on a wire without loss need it) over G.711 A-law.

A call is led by a function of (call, number), which speaks and listens through [`Call`].
"""

import random
import re
import socket
import struct
import threading
import time

import numpy as np

from sound import NARROW, alaw_to_pcm, level, pcm_to_alaw

FRAME = NARROW // 50
"""Samples of a packet of 20 ms."""
SPEECH_DBFS = -45.0
"""Louder than this, the caller speaks."""


class Call:
    """A call as the callee has it. Times are those of `time.monotonic`, s."""

    def __init__(self, remote: tuple[str, int], background: np.ndarray | None):
        self._remote, self._background = remote, background
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self._queue, self._lock = np.zeros(0, dtype=np.int16), threading.Lock()
        self.over = threading.Event()
        self.hung_up_by_caller = False
        self.answered = time.monotonic()
        self.last_heard = 0.0
        """When the caller was last loud."""
        self.last_said = 0.0
        """When our last word was sent."""
        self.silences = []
        """After each of our sentences, how long the caller was silent, s; the last is open until they speak."""
        self._owed_since = None
        self.packets = 0

    def start(self):
        for work in (self._send, self._receive):
            threading.Thread(target=work, daemon=True).start()

    def say(self, samples: np.ndarray) -> None:
        """Puts samples at 8 kHz behind what is being said."""
        with self._lock:
            self._owed_since = None
            self._queue = np.concatenate([self._queue, samples])

    def speaks(self) -> bool:
        with self._lock:
            return len(self._queue) > 0

    def quiet_for(self) -> float:
        """Since when neither side has spoken, s."""
        return time.monotonic() - max(self.last_heard, self.last_said, self.answered)

    def _send(self):
        sequence, stamp, source = random.randrange(1 << 16), random.randrange(1 << 32), random.randrange(1 << 32)
        place, due = 0, time.monotonic()
        while not self.over.is_set():
            with self._lock:
                frame, self._queue = self._queue[:FRAME], self._queue[FRAME:]
                if len(frame) > 0:
                    self.last_said = time.monotonic()
                    if len(self._queue) == 0:
                        self._owed_since = self.last_said
            frame = np.pad(frame, (0, FRAME - len(frame))).astype(np.int32)
            if self._background is not None:
                frame = frame + np.take(self._background, np.arange(place, place + FRAME), mode="wrap")
                place += FRAME
            header = struct.pack("!BBHII", 0x80, 8, sequence, stamp, source)
            self.socket.sendto(header + pcm_to_alaw(np.clip(frame, -32768, 32767)), self._remote)
            sequence, stamp = (sequence + 1) & 0xFFFF, (stamp + FRAME) & 0xFFFFFFFF
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self):
        while not self.over.is_set():
            try:
                packet, _ = self.socket.recvfrom(2048)
            except OSError:
                continue
            if len(packet) < 13 or packet[1] & 0x7F != 8:
                continue
            self.packets += 1
            if level(alaw_to_pcm(packet[12:])) > SPEECH_DBFS:
                now = time.monotonic()
                self.last_heard = now
                with self._lock:
                    if self._owed_since is not None:
                        self.silences.append(now - self._owed_since)
                        self._owed_since = None


class Exchange:
    def __init__(self, lead, background_of):
        """`lead(call, number)` leads a call until it returns; `background_of(number)` is the sound of the room, or None."""
        self._lead, self._background_of = lead, background_of
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._calls = {}
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            datagram, peer = self._socket.recvfrom(65535)
            text = datagram.decode("utf-8", "replace")
            method = text.split(" ", 1)[0]
            call_id = header(text, "Call-ID")
            if method == "INVITE" and call_id not in self._calls:
                self._calls[call_id] = None
                threading.Thread(target=self._invited, args=(text, peer), daemon=True).start()
            elif method == "BYE":
                self._respond(text, peer, "200 OK")
                if call := self._calls.get(call_id):
                    call.hung_up_by_caller = True
                    call.over.set()
            elif method in ("OPTIONS", "CANCEL", "INFO", "UPDATE"):
                self._respond(text, peer, "200 OK")

    def _invited(self, invite: str, peer):
        number = re.match(r"INVITE sips?:([^@;> ]+)", invite)[1]
        tag = f"{random.randrange(1 << 32):08x}"
        self._respond(invite, peer, "180 Ringing", tag)
        time.sleep(0.6)
        address = re.search(r"^c=IN IP4 (\S+)", invite, re.M)[1], int(re.search(r"^m=audio (\d+)", invite, re.M)[1])
        call = Call(address, self._background_of(number))
        media = call.socket.getsockname()[1]
        sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {media} RTP/AVP 8\r\n"
        sdp += "a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        self._calls[header(invite, "Call-ID")] = call
        call.start()
        self._respond(invite, peer, "200 OK", tag, sdp)
        self._lead(call, number)
        if not call.over.is_set():
            self._bye(invite, peer, tag)
            call.over.set()

    def _respond(self, request: str, peer, status: str, tag: str | None = None, sdp: str = ""):
        lines = [f"SIP/2.0 {status}"] + [line for line in request.split("\r\n") if re.match(r"(?i)(via|record-route|from|call-id|cseq):", line)]
        to = header(request, "To")
        lines.append(f"To: {to};tag={tag}" if tag and "tag=" not in to else f"To: {to}")
        lines.append(f"Contact: <sip:callee@127.0.0.1:{self.port}>")
        if sdp:
            lines.append("Content-Type: application/sdp")
        lines += [f"Content-Length: {len(sdp)}", "", sdp]
        self._socket.sendto("\r\n".join(lines).encode(), peer)

    def _bye(self, invite: str, peer, tag: str):
        target = re.search(r"<([^>]+)>", header(invite, "Contact"))[1]
        branch = f"z9hG4bK{random.randrange(1 << 48):012x}"
        lines = [
            f"BYE {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch}",
            "Max-Forwards: 70",
            f"From: {header(invite, 'To')};tag={tag}",
            f"To: {header(invite, 'From')}",
            f"Call-ID: {header(invite, 'Call-ID')}",
            "CSeq: 1 BYE",
            "Content-Length: 0",
            "",
            "",
        ]
        self._socket.sendto("\r\n".join(lines).encode(), peer)


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r?$", message, re.M | re.I)
    return found[1] if found else ""
