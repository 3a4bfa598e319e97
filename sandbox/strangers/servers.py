"""Real models behind the OpenAI-compatible wire: Whisper base, a Piper voice.

POST /v1/audio/transcriptions, /v1/audio/speech; GET /v1/models. For tests on this machine: one request of a kind
at a time, no key, 127.0.0.1 only. GET /said is for the callees: what the voice was asked to say since when.

servers.py <port> <folder>: of Whisper, in whisper-base, and of what was said, in said
"""

import email
import email.policy
import io
import json
import os
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from voices import PIPER, Voices, threads, wav

LONGEST_BODY = 20 << 20


class Whisper:
    """Whisper base by faster-whisper, int8."""

    def __init__(self, folder: str):
        from faster_whisper import WhisperModel

        self._model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads())
        self._lock = threading.Lock()

    def transcribe(self, sound: bytes, language: str | None, prompt: str | None) -> dict:
        with self._lock:
            segments, info = self._model.transcribe(
                io.BytesIO(sound), language=language, initial_prompt=prompt, beam_size=1, condition_on_previous_text=False
            )
            segments = list(segments)
        return {
            "task": "transcribe",
            "language": info.language,
            "language_probability": info.language_probability,
            "duration": info.duration,
            "text": "".join(segment.text for segment in segments).strip(),
            "segments": [
                {
                    "id": number,
                    "start": segment.start,
                    "end": segment.end,
                    "text": segment.text,
                    "temperature": segment.temperature,
                    "avg_logprob": segment.avg_logprob,
                    "compression_ratio": segment.compression_ratio,
                    "no_speech_prob": segment.no_speech_prob,
                }
                for number, segment in enumerate(segments)
            ],
        }


class Models:
    """All models of one server."""

    def __init__(self, folder: str):
        self.whisper, self.voices = Whisper(os.path.join(folder, "whisper-base")), Voices(os.path.join(folder, "said"))
        self.said = []
        """What the voice was asked to say, with the moment (CLOCK_MONOTONIC, the same in all processes)."""

    def serve(self, port: int) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (Handler,), {"models": self}))
        server.daemon_threads = True
        print("ready", flush=True)
        server.serve_forever()


class Handler(BaseHTTPRequestHandler):
    models: Models
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith("/said"):
            since = float(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["since"][0])
            return self._json(200, {"text": " ".join(text for at, text in list(self.models.said) if at >= since)})
        self._json(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in ("whisper-base", PIPER)]})

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or -1)
        body = self._chunks() if length < 0 else self.rfile.read(min(length, LONGEST_BODY))
        begun = time.monotonic()
        try:
            if self.path.endswith("/audio/transcriptions"):
                self._transcribe(body)
            elif self.path.endswith("/audio/speech"):
                self._speak(json.loads(body))
            else:
                self._error(404, f"{self.path} is not served here")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # whoever asked no longer wants it
        except Exception as error:
            self._error(400, f"{type(error).__name__}: {error}")
        print(f"{self.path.rsplit('/', 1)[-1]} {time.monotonic() - begun:.2f}", flush=True)

    def _transcribe(self, body: bytes):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = {}
        for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts():
            form[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True)
        text = {name: value.decode() for name, value in form.items() if name != "file"}
        heard = self.models.whisper.transcribe(form["file"], text.get("language") or None, text.get("prompt") or None)
        if text.get("response_format") == "verbose_json":
            self._json(200, heard)
        elif text.get("response_format") == "text":
            self._answer(200, "text/plain; charset=utf-8", heard["text"].encode())
        else:
            self._json(200, {"text": heard["text"]})

    def _speak(self, wanted: dict):
        self.models.said.append((time.monotonic(), wanted["input"]))
        samples, rate = self.models.voices.say(wanted["input"], wanted["voice"], 1 / float(wanted.get("speed") or 1))
        if wanted.get("response_format") == "wav":
            self._answer(200, "audio/wav", wav(samples, rate))
        else:
            self._answer(200, f"audio/pcm;rate={rate}", samples.astype("<i2").tobytes())

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _error(self, status: int, message: str):
        self._json(status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}})

    def _json(self, status: int, document: dict):
        self._answer(status, "application/json", json.dumps(document).encode())

    def _answer(self, status: int, kind: str, body: bytes):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Models(sys.argv[2]).serve(int(sys.argv[1]))
