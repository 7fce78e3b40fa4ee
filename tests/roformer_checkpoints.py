"""Randomly initialised RoFormer checkpoints in MSST's file format, for tests and benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

SIX = ("bass", "drums", "other", "vocals", "guitar", "piano")
TUPLES = ("freqs_per_bands", "multi_stft_resolutions_window_sizes")
Size = Literal["tiny-bs", "tiny-mel", "sw", "becruily"]

COMMON: dict[str, Any] = {
    "stereo": True, "time_transformer_depth": 1, "freq_transformer_depth": 1, "dim_freqs_in": 1025,
    "attn_dropout": 0.1, "ff_dropout": 0.1, "flash_attn": True, "stft_normalized": False,
    "mask_estimator_depth": 2, "multi_stft_resolution_loss_weight": 1.0,
    "multi_stft_resolutions_window_sizes": (4096, 2048, 1024), "multi_stft_hop_size": 147,
}  # fmt: skip
MODELS: dict[Size, dict[str, Any]] = {
    "sw": {
        "dim": 256, "depth": 12, "num_stems": 6, "dim_head": 64, "heads": 8, "stft_n_fft": 2048,
        "stft_win_length": 2048, "stft_hop_length": 512, "mlp_expansion_factor": 4,
        "freqs_per_bands": (*(2,) * 24, *(4,) * 12, *(12,) * 8, *(24,) * 8, *(48,) * 8, 128, 129),
    },
    "becruily": {
        "dim": 256, "depth": 4, "num_stems": 1, "dim_head": 64, "heads": 8, "stft_n_fft": 2048,
        "stft_win_length": 2048, "stft_hop_length": 441, "mlp_expansion_factor": 1,
        "num_bands": 60, "sample_rate": 44100,
    },
    "tiny-bs": {
        "dim": 8, "depth": 2, "num_stems": 6, "dim_head": 4, "heads": 2, "stft_n_fft": 256,
        "stft_win_length": 256, "stft_hop_length": 128, "mlp_expansion_factor": 2,
        "freqs_per_bands": (4, 12, 48, 65),
    },
    "tiny-mel": {
        "dim": 8, "depth": 2, "num_stems": 1, "dim_head": 4, "heads": 2, "stft_n_fft": 256,
        "stft_win_length": 256, "stft_hop_length": 100, "mlp_expansion_factor": 1,
        "num_bands": 10, "sample_rate": 44100,
    },
}  # fmt: skip
"""As in the yamls of BS-RoFormer-SW and of becruily's guitar, and small ones of both kinds."""
CHUNKS: dict[Size, int] = {"sw": 588800, "becruily": 485100, "tiny-bs": 12800, "tiny-mel": 12000}


def content(size: Size, **inference: Any) -> dict[str, Any]:
    """What the yaml says."""
    training: dict[str, Any] = {
        "instruments": list(SIX),
        "target_instrument": None,
        "use_amp": True,
    }
    if MODELS[size]["num_stems"] == 1:
        training |= {"instruments": ["Guitar", "Other"], "target_instrument": "Guitar"}
    return {
        "audio": {"chunk_size": CHUNKS[size], "num_channels": 2, "sample_rate": 44100},
        "model": MODELS[size] | COMMON,
        "training": training,
        "inference": {"batch_size": 1, "num_overlap": 2, **inference},
    }


def random_state(shape: Any, seed: int = 0) -> dict[str, Any]:
    """Tensors that make stems about as loud as the mix."""
    import torch

    from morphsep.separators.roformer.tensors import published

    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, size in published(shape).items():
        noise = torch.randn(size, generator=generator)
        if name.endswith("freqs"):
            value = 10000.0 ** -(torch.arange(size[0]) / size[0])
        elif name.endswith("gamma"):
            value = 1 + 0.1 * noise
        else:
            value = 0.1 * noise if len(size) == 1 else noise / np.sqrt(size[1])
        state[name] = value.float()
    return state


def write_yaml(path: Path, said: dict[str, Any]) -> Path:
    """As MSST writes it, tuples and all."""
    import yaml

    path.write_text(yaml.dump(said, sort_keys=False))
    assert "!!python/tuple" in path.read_text()
    return path


def write_roformer(folder: Path, size: Size = "tiny-bs", seed: int = 0, **inference: Any) -> Path:
    """A folder with ``model.ckpt`` and ``config.yaml``; returns the folder."""
    import torch

    from morphsep.separators.roformer.config import read_config

    folder.mkdir(parents=True, exist_ok=True)
    config = read_config(write_yaml(folder / "config.yaml", content(size, **inference)))
    torch.save(random_state(config.shape, seed), folder / "model.ckpt")
    return folder
