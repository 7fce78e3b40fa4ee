"""The transformation ``one_source``: an HTDemucs that estimates one source only."""

from __future__ import annotations

from typing import Any


def keep_one_source(model: Any, source: int) -> None:
    """Cut the last layer of both decoders down to the channels of one source, in place.

    Left alone: models that filter all sources jointly (Wiener), or have no time branch of their
    own up to the last layer.
    """
    from demucs.hdemucs import HDecLayer

    last = (model.decoder[-1], model.tdecoder[-1])
    plain = all(isinstance(layer, HDecLayer) and not layer.norm for layer in last)
    if not model.cac or not plain or len(model.sources) == 1:
        return
    for layer in last:
        _keep(layer.conv_tr, source, len(model.sources))
    model.sources = [model.sources[source]]


def _keep(layer: Any, source: int, num_sources: int) -> None:
    from torch import nn

    width = layer.out_channels // num_sources
    kept = slice(source * width, (source + 1) * width)
    layer.weight = nn.Parameter(layer.weight[:, kept].clone(), requires_grad=False)
    layer.bias = nn.Parameter(layer.bias[kept].clone(), requires_grad=False)
    layer.out_channels = width
