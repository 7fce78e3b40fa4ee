"""A pickled checkpoint, read with an allow-list: nothing that it names ever runs."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError

DAMAGED = (
    RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, AssertionError,
    ArithmeticError, struct.error,
)  # fmt: skip
"""What torch's reader of pickles raises at bytes that are none."""


class _Inert:
    """Stands for an allowed name while a pickle is read, so that not even that name is called."""

    def __new__(cls, *args: object, **kwargs: object) -> _Inert:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


def _stand_in(path: str) -> type[_Inert]:
    module, name = path.rsplit(".", 1)
    return type(name, (_Inert,), {"__module__": module, "__qualname__": name})


def read_pickle(path: Path, *, allowed: Iterable[type] = (), inert: Iterable[str] = ()) -> Any:
    """What ``torch.save`` has put into a file. Tensors are on the CPU; their numbers stay in the
    file until they are used, where its format allows that.

    Args:
        allowed: classes that may be built, besides tensors and plain values.
        inert: names (``module.name``) that may occur; what they would make is thrown away.

    Raises:
        SettingError: damaged, no checkpoint, or it asks for another name.
        OSError: it cannot be read.
    """
    import torch

    known: list[Any] = [*allowed, *(_stand_in(name) for name in inert)]
    try:
        with torch.serialization.safe_globals(known), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old files: pickle protocol, typed storage
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except pickle.UnpicklingError as error:
        asked = re.search(r"GLOBAL (\S+)", str(error))
        what = asked.group(1) if asked else first_line(error)
        raise SettingError(
            f"it asks Python to use what no model needs ({what}). It was refused and nothing of it "
            "ran; do not trust its source."
        ) from error
    except DAMAGED as error:
        raise SettingError(f"it is damaged, or no checkpoint ({first_line(error)}).") from error


def first_line(error: Exception) -> str:
    """An error in one line, for sentences about files."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
