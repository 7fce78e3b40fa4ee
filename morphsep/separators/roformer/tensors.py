"""The tensors of a RoFormer checkpoint: their published names and shapes, read without code.

Names and shapes are those of lucidrains' BS-RoFormer (MIT), which MSST's checkpoints have.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.models import first_line, read_pickle
from morphsep.separators.roformer.bands import bands_of, widths
from morphsep.separators.roformer.config import Shape

if TYPE_CHECKING:
    from torch import Tensor

NESTED = ("state", "state_dict", "model_state_dict", "model")
"""Under one of these, or one in another, some files keep the tensors."""
SCORES = (
    "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    *(f"numpy.dtypes.Float{bits}DType" for bits in (32, 64)),
)  # fmt: skip
"""What scores in training checkpoints consist of: accepted, and thrown away."""


def published(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor."""
    dim, inner = shape.dim, shape.heads * shape.head_dim
    sizes = widths(bands_of(shape))
    found: dict[str, tuple[int, ...]] = {}
    for prefix in layer_names(shape):
        attention, forward = f"{prefix}.0", f"{prefix}.1.net"
        found |= {
            f"{attention}.rotary_embed.freqs": (shape.head_dim // 2,),
            f"{attention}.norm.gamma": (dim,),
            f"{attention}.to_qkv.weight": (3 * inner, dim),
            f"{attention}.to_gates.weight": (shape.heads, dim),
            f"{attention}.to_gates.bias": (shape.heads,),
            f"{attention}.to_out.0.weight": (dim, inner),
            f"{forward}.0.gamma": (dim,),
            f"{forward}.1.weight": (4 * dim, dim),
            f"{forward}.1.bias": (4 * dim,),
            f"{forward}.4.weight": (dim, 4 * dim),
            f"{forward}.4.bias": (dim,),
        }
    if shape.kind == "bs":
        found["final_norm.gamma"] = (dim,)
    else:
        found |= {f"layers.{i}.{j}.norm.gamma": (dim,) for i in range(shape.depth) for j in (0, 1)}
    for band, size in enumerate(sizes):
        name = f"band_split.to_features.{band}"
        found |= {f"{name}.0.gamma": (size,), f"{name}.1.weight": (dim, size)}
        found[f"{name}.1.bias"] = (dim,)
    for stem in range(shape.num_stems):
        found |= _of_masks(shape, sizes, stem)
    return found


def _of_masks(shape: Shape, sizes: list[int], stem: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    hidden = [shape.dim * shape.mask_factor] * shape.mask_hidden
    for band, size in enumerate(sizes):
        layers = [shape.dim, *hidden, 2 * size]
        for i, (ins, outs) in enumerate(itertools.pairwise(layers)):
            name = f"{mask_name(stem, band)}.{2 * i}"
            found |= {f"{name}.weight": (outs, ins), f"{name}.bias": (outs,)}
    return found


def mask_name(stem: int, band: int) -> str:
    """Prefix of what makes a band's mask for a stem."""
    return f"mask_estimators.{stem}.to_freqs.{band}.0"


def layer_names(shape: Shape) -> Iterator[str]:
    """Prefix of every transformer layer, in the order of the file."""
    for block in range(shape.depth):
        for axis, depth in enumerate((shape.time_depth, shape.frequency_depth)):
            yield from (f"layers.{block}.{axis}.layers.{layer}" for layer in range(depth))


def read_tensors(path: Path, shape: Shape, stem: int) -> dict[str, Tensor]:
    """The tensors of a checkpoint that one stem needs, in float32; others are not copied.

    Raises:
        SettingError: it is no checkpoint, is damaged, does not fit the shape, or wants to run code.
    """
    import torch

    try:
        found = _safetensors(path) if path.suffix == ".safetensors" else _unnested(path)
        check(found, published(shape))
        mine = f"mask_estimators.{stem}."
        return {
            name: found[name].to(torch.float32, copy=True)
            for name in published(shape)
            if not name.startswith("mask_estimators.") or name.startswith(mine)
        }
    except SettingError as error:
        raise SettingError(f"{path} was not loaded: {error}") from error
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error}.") from error
    except (MemoryError, RuntimeError) as error:
        raise SettingError(f"{path} was not loaded: {first_line(error)}") from error


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise SettingError(f"it is damaged, or no checkpoint ({first_line(error)}).") from error


def _unnested(path: Path) -> dict[str, Any]:
    import torch

    content = read_pickle(path, inert=SCORES)
    for key in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = isinstance(content, Mapping) and {
        k: v for k, v in content.items() if isinstance(v, torch.Tensor)
    }
    if not tensors:
        raise SettingError("it holds no tensors by name.")
    return tensors


def check(found: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raises SettingError, which names the first tensor that does not fit, unless all do."""
    for name, shape in wanted.items():
        if name in found and tuple(found[name].shape) != shape:
            raise SettingError(
                f"{name} is {_times(found[name].shape)}, the yaml makes it {_times(shape)}: they "
                "do not belong together."
            )
    missing = [name for name in wanted if name not in found]
    surplus = [name for name in found if name not in wanted]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SettingError(
            f"it lacks {missing[0]}{more} of {len(wanted)} tensors: another kind of network, or "
            "the yaml of another model."
        )
    if surplus:
        raise SettingError(
            f"it has {surplus[0]}, which the yaml's network has not: a variant that is not hosted."
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"
