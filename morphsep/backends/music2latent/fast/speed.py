"""Named transformations of a loaded Music2Latent: the same function of latents and noise in less
time.

Each keeps the weights and the package's shapes, skips whatever is not built as it expects, and can
be left out. Gains are CPU time of one thread decoding ten latent frames with each alone, on a busy
machine; 1.7x all together, 1.5x in encoding. ``jobs/bench/music2latent.py`` measures them; the
package's own loss with several threads on a busy machine comes on top.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch

Transformation = Callable[[Any], Any]
"""Takes a network, changes it in place or not, and returns its replacement."""

SIGMA = 80.0
"""Standard deviation of the noise that decoding starts from: the package's ``sigma_max``."""


def channels_last(network: Any) -> Any:
    """Convolutions with channels last in memory, the order in which their kernels are fastest, and
    group norms that are exact in that order.

    Gain: 1.10x.
    """
    import torch

    from morphsep.backends.music2latent.fast.norms import replace_norms

    replace_norms(network)
    return network.to(memory_format=torch.channels_last)


def attention(network: Any) -> Any:
    """Attention over frequencies by ``scaled_dot_product_attention``.

    Gain: none in one thread. With two on a busy machine a third of the package's time went into
    many small products that this avoids.
    """
    from morphsep.backends.music2latent.fast.layers import replace_attention

    replace_attention(network)
    return network


def upsampling(network: Any) -> Any:
    """Convolutions of repeated values as smaller convolutions of the values themselves. Gain:
    1.14x."""
    from morphsep.backends.music2latent.fast.layers import replace_upsampling

    replace_upsampling(network)
    return network


def blocks(network: Any) -> Any:
    """Residual blocks by Winograd's algorithm, in pieces that stay in the cache. Gain: 1.33x."""
    from morphsep.backends.music2latent.fast.blocks import replace_blocks
    from morphsep.backends.music2latent.fast.norms import replace_norms

    replace_norms(network)  # the layers after a block get channels last, too
    replace_blocks(network)
    return network


def sums(network: Any) -> Any:
    """Sums of branches as one matrix product each; what depends on the noise level alone, once.

    Gain: 1.08x.
    """
    from morphsep.backends.music2latent.fast.sums import SummedUNet

    return SummedUNet(network, SIGMA).eval()


def encoder(network: Any) -> Any:
    """The encoder's layers in place, in memory that is reused.

    Gain: 1.10x of the CPU time of encoding two channels of 8 s side by side, because page faults
    are avoided; none for one channel of 1 s.
    """
    from morphsep.backends.music2latent.fast.encoder import replace_encoder
    from morphsep.backends.music2latent.fast.norms import replace_norms

    replace_norms(network)  # its layers have the channels last
    replace_encoder(network)
    return network


TRANSFORMATIONS: dict[str, Transformation] = {
    "channels_last": channels_last,
    "attention": attention,
    "upsampling": upsampling,
    "blocks": blocks,
    "encoder": encoder,
    "sums": sums,
}
"""By name, in the order in which they are applied."""

ON_CPU = tuple(TRANSFORMATIONS)
ELSEWHERE = ("channels_last", "attention", "upsampling")
"""The default on other devices."""


def choose(names: Iterable[str] | None, device: torch.device) -> tuple[str, ...]:
    """The transformations to apply, in their order; None: those expected to pay off on the device.

    Raises:
        SettingError: a name is not known.
    """
    if names is None:
        return ON_CPU if device.type == "cpu" else ELSEWHERE
    wanted = set(names)
    if unknown := sorted(wanted - set(TRANSFORMATIONS)):
        known = ", ".join(TRANSFORMATIONS)
        raise SettingError(f"No optimisation is called {unknown[0]!r}. There are: {known}.")
    return tuple(name for name in TRANSFORMATIONS if name in wanted)


def transform(network: Any, names: Iterable[str]) -> Any:
    """The network with the named transformations applied."""
    for name in names:
        network = TRANSFORMATIONS[name](network)
    return network
