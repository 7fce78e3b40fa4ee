"""Change a guitar's tone inside finished recordings: separate, morph, put back.

    import morphsep
    row = morphsep.morph_file("song.flac", "out", to="distortion", amount=0.6)

The packages, from the command line down to pure maths; imports run this way only:

    cli -> api -> pipelines -> run -> stages -> morphing -> request -> backends, separators -> tones
        -> models, audio, manifest -> storage -> dsp -> errors

What is done with a track, stage by stage, stands in `morphsep.pipelines`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morphsep.api import (
        Morph,
        follow_file,
        morph_array,
        morph_file,
        read_stem,
        seams,
        separate_file,
    )
    from morphsep.errors import MorphsepError, SettingError, TrackError
    from morphsep.manifest import ChunkRow, TrackRow
    from morphsep.request import Settings
    from morphsep.stages import Event

__version__ = "0.1.0"

_HOME = {
    "ChunkRow": "manifest",
    "Event": "stages",
    "Morph": "api",
    "MorphsepError": "errors",
    "SettingError": "errors",
    "Settings": "request",
    "TrackError": "errors",
    "TrackRow": "manifest",
    "follow_file": "api",
    "morph_array": "api",
    "morph_file": "api",
    "read_stem": "api",
    "seams": "api",
    "separate_file": "api",
}

__all__ = [
    "ChunkRow",
    "Event",
    "Morph",
    "MorphsepError",
    "SettingError",
    "Settings",
    "TrackError",
    "TrackRow",
    "follow_file",
    "morph_array",
    "morph_file",
    "read_stem",
    "seams",
    "separate_file",
]


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first used: `import morphsep` itself loads nothing heavy."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"morphsep.{_HOME[name]}"), name)
