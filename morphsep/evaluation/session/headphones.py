"""Whether somebody wears headphones: a pitch that is heard only when each ear has its own sound.

Huggins pitch (A. E. Milne et al., "An online headphone screening test based on dichotic pitch",
Behavior Research Methods 53, 2021): noise, the same on both sides but for its phase in a narrow
band around 600 Hz, which one ear hears turned by up to a full circle. Over loudspeakers the sides
mix in the air and there is only noise.
"""

from __future__ import annotations

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.page import flac
from morphsep.storage import digest

TRIES = 6
PLACES = 3
SECONDS, PAUSE = 1.0, 0.5
CENTRE, WIDTH = 600.0, 0.06
"""The band, in Hz and as the part of its centre on each side."""
LEVEL = 0.06
"""RMS of the noise: about as loud as the sounds of a test."""
FADE = 0.03


def right_places(test: str, listener: str, check: int) -> list[int]:
    """In which of three noises the pitch is, 0 to 2, for each try of a listener's check."""
    seeds = (digest(test, listener, "headphones", check, n) for n in range(TRIES))
    return [int(seed, 16) % PLACES for seed in seeds]


def check_sound(place: int, seed: str) -> bytes:
    """Three noises one after the other as FLAC, the pitch in the one at `place`."""
    rng = np.random.default_rng(int(digest(seed)[:16], 16))
    pause = np.zeros((2, round(PAUSE * MODEL_RATE)), np.float32)
    parts = [pause]
    for n in range(PLACES):
        parts += [_noise(rng, n == place), pause]
    return flac(np.concatenate(parts, axis=1))


def _noise(rng: np.random.Generator, has_pitch: bool) -> Signal:
    """``[2, T]``."""
    length = round(SECONDS * MODEL_RATE)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequencies = np.fft.rfftfreq(length, 1 / MODEL_RATE)
    low, high = CENTRE * (1 - WIDTH), CENTRE * (1 + WIDTH)
    turned = spectrum * np.exp(2j * np.pi * np.clip((frequencies - low) / (high - low), 0, 1))
    both = np.fft.irfft(np.stack([spectrum, turned if has_pitch else spectrum]), length)
    ramp = np.clip(np.arange(length) / (FADE * MODEL_RATE), 0, 1)
    return np.asarray(LEVEL * both * ramp * ramp[::-1], np.float32)
