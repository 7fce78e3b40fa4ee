"""The log-mel spectrogram that the AudioLDM family's VAE and vocoder were trained on.

Parameters: ``configs`` of AudioLDM and AudioLDM2 as restated by SoundMorpher's ``preprocessor.py``.
A frame represents the 160 samples in its middle, so that frame and vocoder output line up.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SAMPLE_RATE = 16_000
"""Hz; everything above 8 kHz is unknown to the model."""
N_FFT = 1024
HOP = 160
NUM_MELS = 64
MAX_HZ = 8_000.0
FLOOR = 1e-5
"""Least magnitude (the logarithm's floor)."""
PAD = (N_FFT - HOP) // 2


def log_mel(audio: torch.Tensor) -> torch.Tensor:
    """Natural logarithm of mel magnitudes.

    Args:
        audio: ``[B, T]`` at 16 kHz, T a multiple of 160 and above 432.

    Returns:
        ``[B, 1, T / 160, 64]``: time before mel.
    """
    import torch

    padded = torch.nn.functional.pad(audio[:, None], (PAD, PAD), mode="reflect")[:, 0]
    window = torch.hann_window(N_FFT, device=audio.device, dtype=audio.dtype)
    spectrum = torch.stft(padded, N_FFT, HOP, window=window, center=False, return_complex=True)
    bank = torch.from_numpy(_mel_bank()).to(audio)
    mel = bank.T @ spectrum.abs()
    return mel.clamp(min=FLOOR).log().transpose(1, 2)[:, None]


@lru_cache(maxsize=1)
def _mel_bank() -> Any:
    """``[513, 64]`` triangles on Slaney's mel scale, each of equal area (librosa's default)."""
    tools: Any = import_module("transformers.audio_utils")
    return tools.mel_filter_bank(
        num_frequency_bins=N_FFT // 2 + 1, num_mel_filters=NUM_MELS, min_frequency=0.0,
        max_frequency=MAX_HZ, sampling_rate=SAMPLE_RATE, norm="slaney", mel_scale="slaney",
    ).astype("float32")  # fmt: skip
