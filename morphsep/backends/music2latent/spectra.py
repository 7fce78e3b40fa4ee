"""Music2Latent's input: complex spectra with compressed magnitudes; and the inverse.

Frames of 2048 samples every 512, Hann window, no padding, without the bin at half the sample rate;
real and imaginary part of ``0.34 |X|^0.65 e^(i arg X)``. Eight frames share one latent frame, so
there is one every 4096 samples, and it sees 5632. Numbers as in music2latent 0.1.8.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

WINDOW, HOP, BINS = 2048, 512, 1024
PER_LATENT = 8
"""Spectral frames in a latent frame."""
LATENT_HOP = PER_LATENT * HOP
REACH = LATENT_HOP + WINDOW - HOP
"""Samples that a latent frame sees."""
POWER, GAIN = 0.65, 0.34


def latent_frames(start: int, stop: int) -> range:
    """The absolute latent frames that samples [start, stop) of a song need.

    >>> latent_frames(1536, 4096), latent_frames(1535, 4097)
    (range(0, 1), range(-1, 2))
    """
    first = start // HOP - (WINDOW // HOP - 1)
    return range(first // PER_LATENT, (stop - 1) // LATENT_HOP + 1)


def samples_of(frames: range) -> range:
    """The samples of the song that these latent frames see, of which the first and last 1536 are
    not reconstructed.

    >>> samples_of(range(1, 3))
    range(4096, 13824)
    """
    return range(frames.start * LATENT_HOP, frames.stop * LATENT_HOP + REACH - LATENT_HOP)


def spectra(audio: torch.Tensor) -> torch.Tensor:
    """``[B, 4096 n + 1536]`` -> ``[B, 2, 1024, 8 n]``."""
    import torch

    frames: torch.Tensor = audio.unfold(-1, WINDOW, HOP) * _windows(audio.device)[0]
    bins = torch.fft.rfft(frames)[..., :BINS]
    power = bins.real.square().add_(bins.imag.square())
    gain = power.clamp_min_(1e-36).pow_((POWER - 1) / 2).mul_(GAIN)
    parts = torch.stack((bins.real * gain, bins.imag * gain), 1)
    result: torch.Tensor = parts.transpose(-1, -2).contiguous()
    return result


def waveform(parts: torch.Tensor) -> torch.Tensor:
    """``[B, 2, 1024, 8 n]`` -> ``[B, 4096 n + 1536]``; unlike the package's not clipped at 1."""
    import torch

    parts = parts.transpose(-1, -2).float() / GAIN
    power = parts.square().sum(1).clamp_min_(1e-36)
    gain = power.pow_((1 / POWER - 1) / 2)
    bins = torch.complex(parts[:, 0] * gain, parts[:, 1] * gain)
    frames = torch.fft.irfft(torch.nn.functional.pad(bins, (0, 1)))
    frames *= _windows(parts.device)[1]
    batch, num_frames, overlap = frames.shape[0], frames.shape[1], WINDOW // HOP
    pieces = frames.view(batch, num_frames, overlap, HOP)
    audio: torch.Tensor = frames.new_zeros(batch, num_frames + overlap - 1, HOP)
    for index in range(overlap):
        audio[:, index : index + num_frames] += pieces[:, :, index]
    return audio.flatten(1)


@lru_cache(maxsize=4)
def _windows(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows of analysis and synthesis; their overlapping products add up to 1."""
    import torch

    window = torch.hann_window(WINDOW, device=device)
    return window, window / window.square().view(-1, HOP).sum(0).repeat(WINDOW // HOP)
