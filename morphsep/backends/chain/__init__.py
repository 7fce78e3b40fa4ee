"""The backend `chain`: parameters of two effect chains, interpolated."""

from morphsep.backends.chain.blocks import BlockChain
from morphsep.backends.chain.chain import Chain, as_chain
from morphsep.backends.chain.in_between import chain_between

__all__ = ["BlockChain", "Chain", "as_chain", "chain_between"]
