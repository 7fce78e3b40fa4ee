"""Lhotse Shar: a gzipped list of cuts, and beside it a tar file for each kind of sound."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from morphsep.dataset.export.form import Row, add, as_json, open_tar, said
from morphsep.dataset.shards import Written

FIELDS = {
    "wet": "recording",
    "dry": "dry_recording",
    "backing": "backing_recording",
    "mix": "mix_recording",
}
"""Column of sound -> field of a cut."""


class Lhotse:
    """``train/cuts.000000.jsonl.gz``, ``train/recording.000000.tar`` (wet), and so on.

    A tar file holds ``ID.flac`` and ``ID.json``, the recording's manifest, of each cut in turn.
    """

    def __init__(self, sounds: Sequence[str]) -> None:
        self._fields = {sound: FIELDS[sound] for sound in sounds}

    def files(self, shard: Written) -> list[str]:
        number = f"{shard.number:06d}"
        tars = [f"{shard.split}/{field}.{number}.tar" for field in self._fields.values()]
        return [f"{shard.split}/cuts.{number}.jsonl.gz", *tars]

    def write(self, rows: Iterable[Row], paths: Sequence[Path]) -> None:
        with ExitStack() as stack:
            cuts = stack.enter_context(_gzipped(paths[0]))
            tars = [stack.enter_context(open_tar(path)) for path in paths[1:]]
            for row in rows:
                made = {field: _recording(row, sound) for sound, field in self._fields.items()}
                cuts.write(as_json(_cut(row, made)) + b"\n")
                for tar, (sound, field) in zip(tars, self._fields.items(), strict=True):
                    add(tar, f"{row['id']}.flac", row[sound]["bytes"])
                    add(tar, f"{row['id']}.json", as_json(made[field]))


@contextmanager
def _gzipped(path: Path) -> Iterator[gzip.GzipFile]:
    """A gzip file that holds neither its name nor the time."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
        yield zipped


def _recording(row: Row, sound: str) -> dict[str, Any]:
    """The manifest of a sound that lies in a tar file beside it."""
    import soundfile

    found = soundfile.info(io.BytesIO(row[sound]["bytes"]))
    channels = list(range(found.channels))
    return {
        "id": row[sound]["path"].removesuffix(".flac"),
        "sources": [{"type": "shar", "channels": channels, "source": ""}],
        "sampling_rate": found.samplerate, "num_samples": found.frames,
        "duration": found.frames / found.samplerate, "channel_ids": channels,
    }  # fmt: skip


def _cut(row: Row, recordings: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A cut as long as its recordings, with the columns of the row as custom fields."""
    others = dict(recordings)
    main = others.pop("recording")
    channels = main["channel_ids"]
    mono = len(channels) == 1
    length = {"start": 0, "duration": main["duration"], "channel": 0 if mono else channels}
    heard = {"id": row["id"], "recording_id": main["id"]} | length
    if row["player"] is not None:
        heard["speaker"] = row["player"]
    return {
        "id": row["id"], **length, "supervisions": [heard], "recording": main,
        "custom": said(row) | others, "type": "MonoCut" if mono else "MultiCut",
    }  # fmt: skip
