"""Convolutions with 3x3 kernels by Winograd's minimal filtering, F(4x4, 3x3), block by block.

36 products replace the 144 of sixteen neighbouring outputs; the transforms around them are matrix
products too. Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, with
their points 0, 1, -1, 2, -2. The rounding error grows to about 2e-6 of the result's norm.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod

import torch

Tensor = torch.Tensor

TILE, SEEN = 4, 6
"""Outputs and inputs of a tile along each axis."""

_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


@lru_cache(maxsize=1)
def _transforms() -> tuple[Tensor, Tensor]:
    """Transforms of the inputs ``[36, 36]`` and of the outputs ``[16, 36]`` of a tile."""
    there, back = (torch.tensor(each, dtype=torch.float64) for each in (_INPUT, _OUTPUT))
    return torch.kron(there, there).float(), torch.kron(back, back).float()


class Workspace:
    """Memory that block after block reuses instead of allocating it anew."""

    def __init__(self) -> None:
        self._held: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """A tensor with undefined content; the same memory for the same name."""
        size, held = prod(shape), self._held.get(name)
        if held is None or held.numel() < size:
            held = self._held[name] = torch.empty(size)
        return held[:size].view(shape)


class Winograd:
    """A 3x3 convolution, without bias, of a block that includes its margin."""

    def __init__(self, weight: Tensor) -> None:
        """From a kernel ``[K, C, 3, 3]``."""
        self.out_channels, channels = weight.shape[:2]
        transform = torch.tensor(_KERNEL, dtype=torch.float64)
        kernels = torch.einsum("ia,jb,kcab->ijck", transform, transform, weight.double())
        self.kernels = kernels.reshape(SEEN * SEEN, channels, self.out_channels).float()

    def __call__(self, block: Tensor, space: Workspace) -> Tensor:
        """``[4 h + 2, 4 w + 2, C]`` contiguous -> a view ``[h, 4, w, 4, K]`` into `space`."""
        there, back = _transforms()
        rows, columns, channels = block.shape
        h, w, k = rows // TILE, columns // TILE, self.out_channels
        down = columns * channels
        strides = (down, channels, TILE * down, TILE * channels, 1)
        tiles = space("tiles", SEEN, SEEN, h, w, channels)
        tiles.copy_(block.as_strided(tiles.shape, strides, block.storage_offset()))
        seen = space("seen", SEEN * SEEN, h * w * channels)
        torch.mm(there, tiles.view(SEEN * SEEN, -1), out=seen)
        products = space("tiles", SEEN * SEEN, h * w, k)
        torch.bmm(seen.view(SEEN * SEEN, h * w, channels), self.kernels, out=products)
        result = space("result", TILE * TILE, h * w * k)
        torch.mm(back, products.view(SEEN * SEEN, -1), out=result)
        return result.view(TILE, TILE, h, w, k).permute(2, 0, 3, 1, 4)
