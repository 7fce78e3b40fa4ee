"""The backend `chain`: parameters of two effect chains, interpolated."""

from morphsep.backends.chain.chain import Chain

__all__ = ["Chain"]
