"""The backend `chain`: parameters of two effect chains, interpolated."""

from morphsep.backends.chain.chain import Chain
from morphsep.backends.chain.in_between import chain_between

__all__ = ["Chain", "chain_between"]
