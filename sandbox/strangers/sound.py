"""Sound as numpy arrays of signed 16-bit samples: resampling, A-law (ITU-T G.711), levels, noise. Pure."""

import math

import numpy as np

NARROW = 8000
"""Samples a second on the line, Hz."""


def _decoded(code: int) -> int:
    """The sample of an A-law code (ITU-T G.711, table 1a), at 16 bits."""
    code ^= 0x55
    mantissa, segment = code & 0x0F, (code >> 4) & 7
    value = (mantissa << 4) + 8
    if segment > 0:
        value = (value + 0x100) << (segment - 1)
    return value if code & 0x80 else -value


_DECODED = np.array([_decoded(code) for code in range(256)], dtype=np.int16)
_ORDER = np.argsort(_DECODED)
_STEPS = _DECODED[_ORDER].astype(np.int32)
_BORDERS = (_STEPS[1:] + _STEPS[:-1]) // 2


def alaw_to_pcm(payload: bytes) -> np.ndarray:
    return _DECODED[np.frombuffer(payload, dtype=np.uint8)]


def pcm_to_alaw(samples: np.ndarray) -> bytes:
    return _ORDER[np.searchsorted(_BORDERS, samples.astype(np.int32), side="right")].astype(np.uint8).tobytes()


def resample(samples: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Band-limited by dropping the spectrum above the lower rate's half: good enough for whole sentences."""
    if rate == to or len(samples) == 0:
        return samples.astype(np.int16)
    length = round(len(samples) * to / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    bins = length // 2 + 1
    fitted = np.zeros(bins, dtype=complex)
    kept = min(bins, len(spectrum))
    fitted[:kept] = spectrum[:kept]
    return clipped(np.fft.irfft(fitted, length) * to / rate)


def clipped(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def level(samples: np.ndarray) -> float:
    """RMS in dBFS; −100 for silence."""
    if len(samples) == 0:
        return -100.0
    power = float(np.mean(np.square(samples.astype(np.float64))))
    return 10 * math.log10(power / 32768**2) if power > 0 else -100.0


def active_level(samples: np.ndarray, rate: int) -> float:
    """RMS in dBFS of the stretches that sound: those within 20 dB of the loudest 20 ms."""
    size = rate // 50
    stretches = [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]
    levels = [level(stretch) for stretch in stretches]
    if not levels:
        return level(samples)
    loud = [stretch for stretch, db in zip(stretches, levels) if db > max(levels) - 20]
    return level(np.concatenate(loud))


def at_level(samples: np.ndarray, rate: int, dbfs: float) -> np.ndarray:
    return clipped(samples.astype(np.float64) * 10 ** ((dbfs - active_level(samples, rate)) / 20))


def telephone_band(samples: np.ndarray) -> np.ndarray:
    """What a telephone channel leaves of samples at 8 kHz: the slopes of a Butterworth filter of third order at 300 Hz and of eighth
    order at 3400 Hz, about as steep as ITU-T G.712 wants them."""
    spectrum = np.fft.rfft(samples.astype(np.float64))
    frequencies = np.maximum(np.fft.rfftfreq(len(samples), 1 / NARROW), 1e-3)
    spectrum /= np.sqrt((1 + (300 / frequencies) ** 6) * (1 + (frequencies / 3400) ** 16))
    return clipped(np.fft.irfft(spectrum, len(samples)))


def pink_noise(seconds: float, dbfs: float, seed: int) -> np.ndarray:
    """At 8 kHz; the noise of a kitchen or a street is nearer to it than white noise is."""
    length = int(seconds * NARROW)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, length)
    return clipped(noise / np.sqrt(np.mean(noise**2)) * 32768 * 10 ** (dbfs / 20))
