"""How settings are written on the command line; it derives its options from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from morphsep.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What the command line shows of a setting. `Settings` carries one in the type of each field
    that has an option."""

    help: str
    flag: str = ""
    """Empty: two dashes and the setting's name."""
    metavar: str | None = None
    """What stands for the value in the help; None: its type."""
    parse: Callable[[str], Any] | None = None
    """From a user's text to the value; None where the type is enough."""
    is_assignments: bool = False
    """Given as often as wanted, each time as NAME=VALUE."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Where each value has a flag of its own (``--paired``): the values, and the flags' help."""
    in_separate: bool = False
    """Whether ``morphsep separate`` takes it, too."""


BACKEND_OPTIONS: Mapping[str, tuple[type, Option]] = MappingProxyType(
    {
        "weights": (
            str, Option(help="Model of the backend: a file, a folder, or a name on the hub."),
        ),
        "lora": (
            str, Option(metavar="VARIANT", help="diffusion: none, one-sided or two-sided."),
        ),
        "adapter": (
            str, Option(help="diffusion: folder that `morphsep lora train` has written."),
        ),
        "angle": (
            str,
            Option(
                help="music2latent: one angle for the track, or one for each latent frame: frame."
            ),
        ),
        "interpolation": (str, Option(help="music2latent: slerp or lerp.")),
        "paper_faithful": (
            bool, Option(help="diffusion: nothing above 8 kHz, as in the paper."),
        ),
    }
)  # fmt: skip
"""Options of backends that have a flag of their own besides ``--set``."""


def parse_channels(text: str) -> tuple[int, int]:
    """Two channels, counted from 0, from what a user writes.

    Raises:
        SettingError: the text is not two different numbers from 1.

    >>> parse_channels("1,2")
    (0, 1)
    """
    try:
        first, second = (int(part) for part in text.split(","))
    except ValueError:
        raise SettingError(f"--channels needs two numbers such as 1,2, got {text!r}") from None
    if min(first, second) < 1 or first == second:
        raise SettingError(f"--channels counts from 1 and needs two different ones: {text!r}")
    return first - 1, second - 1
