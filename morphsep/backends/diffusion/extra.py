"""The libraries of the extra ``diffusion``: there or not, and how they are listened to."""

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
    """Whether the extra ``diffusion`` is there. Imports nothing.

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
    """Whatever a library says about a part that it cannot read becomes one sentence; how far it
    has come is nobody's business."""
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
