"""Tones by name, and by the file that they are made from."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from morphsep.errors import SettingError
from morphsep.tones.as_recorded import AS_RECORDED
from morphsep.tones.chain.captured import read_captured, split_knob
from morphsep.tones.chain.definition import read_chain
from morphsep.tones.tone import Tone

BUILTIN = Path(__file__).parent / "builtin"


def _capture(path: Path) -> Tone:
    from morphsep.tones.capture.capture import Capture

    return Capture.of(path)


DEFINITIONS: dict[str, Callable[[Path], Tone]] = {
    ".yaml": read_chain,
    ".yml": read_chain,
    ".nam": _capture,
    ".json": read_captured,
}
"""Readers of files that define a tone, by suffix."""
RECORDINGS = {
    "reference": "morphsep.tones.recordings.reference:Reference",
    "paired": "morphsep.tones.recordings.paired:Paired",
    "match": "morphsep.tones.match.match:Match",
    "transport": "morphsep.tones.recordings.instrument:Instrument",
}
"""How a recording can be used -> the class with ``of(path)``, imported when needed."""
AUDIO = (
    *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2", ".m4a"),
    *(".mp4", ".aac", ".wma", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
)
"""Suffixes of recordings; any other existing file is tried as one."""


@cache
def _builtin() -> dict[str, Tone]:
    chains = [read_chain(file) for file in sorted(BUILTIN.glob("*.yaml"))]
    return {tone.name: tone for tone in (AS_RECORDED, *chains)}


@cache
def named_tones() -> dict[str, Tone]:
    """Tones by name. A third party's entry point is a tone, or a callable that returns one."""
    tones = dict(_builtin())
    for entry in entry_points(group="morphsep.tones"):
        try:
            loaded = entry.load()
            tone = loaded() if isinstance(loaded, type) or not isinstance(loaded, Tone) else loaded
        except Exception as error:  # a plugin is anybody's code
            raise SettingError(
                f"the tone {entry.name} does not load ({type(error).__name__}: {error}); update or "
                "remove the package it comes from"
            ) from error
        if not isinstance(tone, Tone):
            raise SettingError(
                f"the entry point {entry.name!r} ({entry.value}) gives something that is not a tone"
            )
        tones.setdefault(tone.name, tone)
    return tones


def list_tones() -> list[Tone]:
    """Every tone that has a name: ours, and those of the entry-point group ``morphsep.tones``."""
    return list(named_tones().values())


def get_tone(spec: str, recording: str = "reference") -> Tone:
    """The tone of that name, or the one made from a file.

    Args:
        spec: a name; a ``.yaml`` file that describes a chain; a capture, ``.nam`` or ``.json``, the
            latter with its knob (``amp.json@gain=0.8``); or a recording.
        recording: how a recording is used: ``reference`` (other notes, whose sound is wanted),
            ``match`` (the same, imitated by an effect chain), ``paired`` (the same take through
            other equipment), ``transport`` (another instrument).

    Raises:
        SettingError: there is no such tone, or none can be made from the file.
    """
    if recording not in RECORDINGS:
        raise SettingError(
            f"a recording can be taken for {', '.join(RECORDINGS)}; {recording!r} is none of them"
        )
    tones = named_tones()
    if is_recording(spec):
        return _of_recording(spec, recording)
    if spec in tones:
        return tones[spec]
    if is_definition(spec):
        return DEFINITIONS[_suffix(spec)](Path(spec))
    near = difflib.get_close_matches(spec.lower(), tones, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise SettingError(
        f"there is no tone {spec!r}{hint}; there are {', '.join(tones)}, or a file: a .yaml that "
        "describes a chain, a .nam or .json that captures an amplifier, or a recording"
    )


def is_definition(spec: str) -> bool:
    """Whether a tone's name is that of a file that defines one, by its suffix."""
    return spec not in named_tones() and _suffix(spec) in DEFINITIONS


def is_recording(spec: str) -> bool:
    """Whether a tone's name is that of a recording, by its suffix or because it is a file."""
    if spec in named_tones() or is_definition(spec):
        return False
    return _suffix(spec) in AUDIO or Path(spec).is_file()


def check_recording(recording: str, *specs: str) -> None:
    """Raise SettingError if a use for recordings is set but none of the tones is a recording."""
    if recording != "reference" and not any(is_recording(spec) for spec in specs):
        raise SettingError(
            f"--{recording} takes a recording, such as take.wav; {' and '.join(specs)} are none"
        )


def _suffix(spec: str) -> str:
    file, _ = split_knob(spec)
    return Path(file).suffix.lower()


def _of_recording(path: str, recording: str) -> Tone:
    module, _, name = RECORDINGS[recording].partition(":")
    return cast(Tone, getattr(import_module(module), name).of(path))
