"""Tensors out of a checkpoint in torch's format from before 1.6, which ``weights_only`` refuses.

Such a file is five pickles (magic number, version, sizes of types, content, keys of storages) and
then each storage: its number of elements, its bytes. The pickles are read with an allow-list of
four names, none of which is looked up: each stands for something of ours, so nothing is executed.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from morphsep.errors import SettingError

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
Array = np.ndarray


@dataclass(slots=True)
class Storage:
    """A run of numbers in the file, filled in once it is read."""

    dtype: np.dtype[Any]
    numbers: Array | None = None


@dataclass(frozen=True, slots=True)
class Strided:
    """A tensor as a view of a storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> Array:
        """A copy of its numbers. Raises ValueError if it reaches beyond its storage."""
        numbers = self.storage.numbers
        assert numbers is not None  # all storages of a file are read before the first tensor
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True))
        if min(self.offset, *self.stride, 0) < 0 or (all(self.shape) and last >= numbers.size):
            raise ValueError("a tensor reaches beyond its storage")
        strides = [each * numbers.itemsize for each in self.stride]
        view = np.lib.stride_tricks.as_strided(numbers[self.offset :], self.shape, strides)
        return view.copy()


_BAD = (
    *(pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError),
    *(OverflowError, MemoryError),
)
"""What reading a damaged or other file can end with."""


def read_legacy_checkpoint(path: Path, key: str) -> dict[str, Array]:
    """The tensors under ``key`` of a checkpoint, by name.

    Raises:
        SettingError: it is not such a file, is cut off, or names what is not on the allow-list.
    """
    try:
        with path.open("rb") as file:
            content = _read(file)
        return {name: tensor.array() for name, tensor in content[key].items()}
    except _BAD as error:
        raise SettingError(f"{path} is not a checkpoint in torch's old format: {error}.") from error


def _read(file: IO[bytes]) -> Any:
    if _unpickle(file) != MAGIC or _unpickle(file) != VERSION:
        raise ValueError("it begins with other numbers")
    if not _unpickle(file)["little_endian"]:
        raise ValueError("it was written by a big-endian machine")
    reader = _Reader(file)
    content = reader.load()
    for name in _unpickle(file):
        storage = reader.storages[name]
        (count,) = np.frombuffer(file.read(8), "<i8")
        size = int(count) * storage.dtype.itemsize
        storage.numbers = np.frombuffer(file.read(size), storage.dtype)
        if storage.numbers.size != count:
            raise ValueError("it is cut off")
    return content


def _unpickle(file: IO[bytes]) -> Any:
    return _Reader(file).load()


class _Reader(pickle.Unpickler):
    """Builds lists, dictionaries, numbers, texts, storages and tensors, and nothing else."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        allowed = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "FloatStorage"): np.dtype("<f4"),
            ("torch", "LongStorage"): np.dtype("<i8"),
            ("torch._utils", "_rebuild_tensor_v2"): _strided,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it wants {module}.{name}")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        kind, dtype, name, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise pickle.UnpicklingError("something in it is neither a tensor nor plain")
        return self.storages.setdefault(name, Storage(dtype))


def _strided(storage: Storage, offset: int, shape: Any, stride: Any, *_: Any) -> Strided:
    return Strided(storage, offset, tuple(shape), tuple(stride))
