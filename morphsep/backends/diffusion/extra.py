"""The libraries of the extra ``diffusion``: imports, and errors that name what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from morphsep.errors import SettingError


def extra(module: str) -> Any:
    """A module of the extra ``diffusion``.

    Raises:
        SettingError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise SettingError(
            f"the backend diffusion needs {module.partition('.')[0]} ({error}): "
            "pip install 'morphsep[diffusion]'"
        ) from error


def check_installed(*modules: str) -> None:
    """Check that modules of the extra ``diffusion`` are installed. Imports nothing.

    Raises:
        SettingError: it is not.
    """
    for module in modules:
        if find_spec(module) is None:
            raise SettingError(
                f"the backend diffusion needs {module}: pip install 'morphsep[diffusion]'"
            )


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Turns a library's error about an unreadable part into one sentence, and hides its progress
    bars."""
    bars = extra("transformers.utils.logging")
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SettingError(f"{folder} cannot be read as an AudioLDM2 model: {why}") from error
    finally:
        if shown:
            bars.enable_progress_bar()
