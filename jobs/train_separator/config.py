"""The settings of one training of the separator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Settings of one training; ``rate`` is the first learning rate, ``frames`` and ``batch`` the
    size of a step."""

    seed: int = 1
    frames: int = 172
    batch: int = 4
    rate: float = 2e-3
    steps: int = 20_000
    minutes: float = 80.0
    """The learning rate falls to zero after these steps or minutes, whichever ends first."""
    channels: int = 48
    detail: float = 0.5
    """Weight of the magnitudes' part of the loss."""
    recorded: float = 0.0
    """Share of guitars from sectoid's two songs instead of rendered ones."""
    begun: str = ""
    """Folder of the training whose weights this one starts from."""
    average: float = 0.995
    """Decay of the moving average of the weights."""
    validate_every: int = 150
