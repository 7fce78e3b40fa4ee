"""Training in little memory: activations are recomputed in the backward pass instead of kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def checkpointed(unet: Any) -> Iterator[None]:
    """Keeps only the inputs of the U-Net's attention and residual blocks (gradient checkpointing).

    Done here because diffusers' own switch (0.42.1) passes this U-Net's attention masks in the
    wrong order, and training with it fails.
    """
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.transformers.transformer_2d import Transformer2DModel
    from torch.utils.checkpoint import checkpoint

    kinds = (ResnetBlock2D, Transformer2DModel)
    blocks: list[Any] = [block for block in unet.modules() if isinstance(block, kinds)]
    assert blocks
    for block in blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward
