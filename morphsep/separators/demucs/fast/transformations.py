"""Named transformations of a loaded HTDemucs: the same function of the mix in less time.

Each works on the modules of one model in place, keeps the weights of the published checkpoint and
``HTDemucs.forward``, skips whatever is not built as it expects, and can be left out. Gains are CPU
time of one core for one segment of a full-size htdemucs_6s, 1.43x all together; how they were
measured, and what did not help: ``docs/explanation/history-of-attempts.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError

if TYPE_CHECKING:
    import torch

Transformation = Callable[[Any, int], None]
"""Changes an HTDemucs in place, given the index of the one source that is wanted."""


def one_source(model: Any, source: int) -> None:
    """Only the wanted source's share of the last two layers, one spectrum, one inverse STFT.

    ``model.sources`` holds one name afterwards. Bit for bit the same estimate. Gain: 1.10x alone,
    1.11x on top of the others.
    """
    from morphsep.separators.demucs.fast.last_layers import keep_one_source

    keep_one_source(model, source)


def attention(model: Any, source: int) -> None:
    """Transformer layers on ``scaled_dot_product_attention``, without copies between them.

    Queries, keys and values come from one product; layer scales are folded into the weights;
    position tables are computed once; tokens keep the memory order of the layers around. Gain:
    1.22x alone, 1.26x on top of the others.
    """
    from morphsep.separators.demucs.fast.transformer import replace_transformer

    replace_transformer(model)


def residuals(model: Any, source: int) -> None:
    """The encoder's residual branches in place, their widest norm without a pass over its input.

    A branch ends in a norm of ``W h + b`` with few hidden channels in ``h``: the mean and
    variance follow from those of ``h``, so that the norm becomes part of ``W`` and ``b``. Gain:
    1.11x alone, 1.07x on top of the others.
    """
    from morphsep.separators.demucs.fast.residuals import replace_residuals

    replace_residuals(model)


def channels_last(model: Any, source: int) -> None:
    """Convolutional layers in channels-last order, in blocks that stay in the cache.

    No permutation between convolutions, products and the transformer; no tensor of 30-70 MB that is
    written to memory and read once. Gain: 1.09x alone, 1.03x on top of the others.
    """
    from morphsep.separators.demucs.fast.layers import replace_layers

    replace_layers(model)


TRANSFORMATIONS: dict[str, Transformation] = {
    "one_source": one_source,
    "attention": attention,
    "residuals": residuals,
    "channels_last": channels_last,
}
"""By name, in the order in which they are applied."""

ON_CPU = tuple(TRANSFORMATIONS)
ELSEWHERE = ("one_source", "attention")
"""The default on other devices: only what cannot slow them down."""


def choose(names: Iterable[str] | None, device: torch.device) -> tuple[str, ...]:
    """The transformations to apply, in their order; None: those worth it on the device."""
    if names is None:
        return ON_CPU if device.type == "cpu" else ELSEWHERE
    wanted = set(names)
    return tuple(name for name in TRANSFORMATIONS if name in wanted)


def check(names: Iterable[str]) -> None:
    """Check that all names are known.

    Raises:
        SettingError: one is not.
    """
    if unknown := sorted(set(names) - set(TRANSFORMATIONS)):
        known = ", ".join(TRANSFORMATIONS)
        raise SettingError(f"No optimisation is called {unknown[0]!r}. There are: {known}.")


def transform(model: Any, source: int, names: Iterable[str]) -> int:
    """Apply the named ones to an HTDemucs, in place; returns the source's index afterwards.

    Other models are left as they are.
    """
    from demucs.htdemucs import HTDemucs

    if not isinstance(model, HTDemucs):
        return source
    wanted = model.sources[source]
    for name in names:
        TRANSFORMATIONS[name](model, source)
    return list(model.sources).index(wanted)
