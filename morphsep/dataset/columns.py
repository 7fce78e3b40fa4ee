"""The columns of a data set: what each row says, with units, and what `datasets` makes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from morphsep.dataset.drawing import unit_of
from morphsep.tones.chain import FILE_SETTINGS, EffectChain, Pedal

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA = 1
"""Version of the columns."""
AUDIO = ("dry", "wet", "backing", "mix")
"""Columns of sound; the last two only where a recipe wants them."""
CHAINS = ("from_chain", "to_chain", "chain")

COLUMNS: dict[str, tuple[str, str]] = {
    "id": ("string", "Names the row, in this data set and in one made again."),
    "split": ("string", "train, test, ...: by artist, else by song."),
    "dry": ("audio", "The guitar as it is."),
    "wet": ("audio", "The guitar changed, as loud as dry, in step with it."),
    "backing": ("audio", "The rest of the song, at the gain of dry."),
    "mix": ("audio", "wet + backing: the song, changed."),
    "kind": ("string", "ladder, crossfade (of a ladder's ends: a negative), tone or chain."),
    "amount": ("float64", "Position of the knob between both tones, 0 to 1."),
    "position": (
        "float64",
        "Where the ear would put it between both ends, 0 to 1 (log-mel distances, SoundMorpher, "
        "arXiv 2410.02144); null where the row has no ends.",
    ),
    "from_tone": ("string", "Tone at amount 0."),
    "to_tone": ("string", "Tone at amount 1."),
    "backend": ("string", "What morphed."),
    "from_chain": ("chain", "The pedals of from_tone, each with all of its parameters and units."),
    "to_chain": ("chain", "The same of to_tone."),
    "chain": ("chain", "The pedals that made wet; null where no chain did."),
    "source": ("string", "The recording, as the manifest calls it (column track of tracks)."),
    "source_hash": ("string", "sha256 of the recording's bytes."),
    "song": ("string", "As the list of sources says; else the recording."),
    "artist": ("string", "As the list of sources says."),
    "player": ("string", "As the list of sources says."),
    "start": ("float64", "Where the clip begins in the recording, s."),
    "seconds": ("float64", "How long it is, s."),
    "licence": ("string", "Of the recording, as the list of sources says."),
    "source_url": ("string", "As the list of sources says."),
    "attribution": ("string", "As the list of sources says."),
    "separator": ("string", "What took the guitar out of its mix; none: it was alone."),
    "stem_quality": ("float64", "How well that went, 0 to 1; null where it is no estimate."),
    "dry_lufs": ("float64", "Loudness of dry as it is here, LUFS (BS.1770-4)."),
    "wet_lufs": ("float64", "The same of wet."),
    "dry_gain_db": ("float64", "Gain from the recording to dry, dB."),
    "wet_gain_db": ("float64", "Gain behind the effects that made wet as loud as dry, dB."),
    "peak": ("float64", "Largest sample of dry, wet, backing and mix, linear; full scale is 1."),
    "lag": ("int32", "Samples by which wet is late against dry, measured."),
    "seed": ("string", "What the row's draws come from."),
    "dry_sha256": ("string", "Of dry's samples, 32-bit integers, little-endian, interleaved."),
    "wet_sha256": ("string", "The same of wet."),
    "versions": ("string", "Of what made the row, JSON."),
}
"""Name -> (type, what it says)."""


def column_names(*, backing: bool, sound: bool = True) -> list[str]:
    """The columns of a data set, with or without the rest of the song, and sound at all."""
    absent = () if backing else AUDIO[2:]
    return [name for name in COLUMNS if name not in (absent if sound else AUDIO)]


@cache
def schema(rate: int, *, backing: bool, sound: bool = True) -> pa.Schema:
    """The Arrow schema, with the features that Hugging Face's `datasets` reads.

    Args:
        rate: of the sound, in Hz.
    """
    import pyarrow as pa

    names = column_names(backing=backing, sound=sound)
    fields = [
        pa.field(name, _arrow(COLUMNS[name][0]), metadata={"description": COLUMNS[name][1]})
        for name in names
    ]
    features = {name: _feature(COLUMNS[name][0], rate) for name in names}
    return pa.schema(
        fields,
        metadata={
            "huggingface": json.dumps({"info": {"features": features}}),
            "morphsep": f"data set {SCHEMA}",
        },
    )


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa

    if kind == "audio":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if kind == "chain":
        parameter = pa.struct(
            [
                ("name", pa.string()),
                ("value", pa.float64()),
                ("text", pa.string()),
                ("unit", pa.string()),
            ]
        )
        pedal = pa.struct([("pedal", pa.string()), ("parameters", pa.list_(parameter))])
        return pa.list_(pedal)
    return pa.type_for_alias(kind)


def _feature(kind: str, rate: int) -> Any:
    if kind == "audio":
        # whoever has a decoder for `datasets` turns it on with cast_column; nobody has to
        return {"sampling_rate": rate, "decode": False, "_type": "Audio"}
    if kind == "chain":
        parameter = {
            "name": _value("string"), "value": _value("float64"), "text": _value("string"),
            "unit": _value("string"),
        }  # fmt: skip
        parameters = {"feature": parameter, "_type": "List"}
        return {"feature": {"pedal": _value("string"), "parameters": parameters}, "_type": "List"}
    return _value(kind)


def _value(kind: str) -> dict[str, str]:
    return {"dtype": kind, "_type": "Value"}


def described(chain: EffectChain | None) -> list[dict[str, Any]] | None:
    """A chain for its column; None for a tone that is none."""
    return None if chain is None else described_pedals(chain.pedals)


def described_pedals(pedals: Sequence[Pedal]) -> list[dict[str, Any]]:
    """Pedals for a chain's column."""
    return [
        {"pedal": pedal.kind, "parameters": [_parameter(*each) for each in pedal.settings]}
        for pedal in pedals
    ]


def _parameter(name: str, setting: Any) -> dict[str, Any]:
    number = isinstance(setting, float | int) and not isinstance(setting, bool)
    # where a file lies says nothing, and differs from machine to machine
    text = PurePath(setting).name if name in FILE_SETTINGS else str(setting)
    return {
        "name": name,
        "value": float(setting) if number else None,
        "text": None if number else text,
        "unit": unit_of(name) or None,
    }
