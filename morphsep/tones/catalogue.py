"""Tones by name."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from morphsep.errors import SettingError
from morphsep.tones import Tone
from morphsep.tones.as_recorded import AS_RECORDED
from morphsep.tones.definition import read_chain

BUILTIN = Path(__file__).parent / "builtin"
SUFFIXES = (".yaml", ".yml")


@cache
def _builtin() -> dict[str, Tone]:
    chains = [read_chain(file) for file in sorted(BUILTIN.glob("*.yaml"))]
    return {tone.name: tone for tone in (AS_RECORDED, *chains)}


@cache
def named_tones() -> dict[str, Tone]:
    """Tones by name. A third party's entry point is a tone, or something that returns one."""
    tones = dict(_builtin())
    for entry in entry_points(group="morphsep.tones"):
        loaded = entry.load()
        tone = loaded() if isinstance(loaded, type) or not isinstance(loaded, Tone) else loaded
        if not isinstance(tone, Tone):
            raise SettingError(f"the entry point {entry.name!r} ({entry.value}) gives no tone")
        tones.setdefault(tone.name, tone)
    return tones


def find_tone(spec: str) -> Tone:
    """See ``morphsep.tones.get_tone``."""
    if spec.lower().endswith(SUFFIXES):
        return read_chain(Path(spec))
    tones = named_tones()
    if spec in tones:
        return tones[spec]
    near = difflib.get_close_matches(spec.lower(), tones, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    names = ", ".join(tones)
    raise SettingError(f"there is no tone {spec!r}{hint}; there are {names}, or a .yaml file")
