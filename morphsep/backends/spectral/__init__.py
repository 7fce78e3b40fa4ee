"""The backend `spectral`: envelopes and phases of two time-aligned sounds, interpolated."""

from morphsep.backends.spectral.spectral import Spectral

__all__ = ["Spectral"]
