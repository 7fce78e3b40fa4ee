"""What earlier or later versions of morphsep have left costs time, never a track."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import morphsep
from morphsep.errors import SettingError
from morphsep.manifest import TrackRow
from morphsep.run.status import read_status
from morphsep.stages.workspace import Workspace
from tests import songs

KINDS = {
    "scan": "scans/*/*.json", "stem facts": "stems/*/*/facts.json",
    "tone fit": "stems/*/*/pairs/*.json", "stem section": "stems/*/*/0*.json",
    "delta section": "changes/*/0*.json",
}  # fmt: skip
MEASURED = ("scan", "stem facts", "tone fit")
SPOILT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "an unknown field": lambda values: values | {"colour": "red"},
    "a missing field": lambda values: dict(list(values.items())[:-1]),
    "another version": lambda values: values | {"version": 99},
    "no fields": lambda values: [],
    "half a file": lambda values: None,
}


def go(folder: Path, out: Path, amount: float) -> TrackRow:
    return morphsep.morph_file(
        folder / "song.wav", out, to="distortion", amount=amount, separator="none",
        backend="crossfade", chunk=5, section=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrackRow]:
    """A song, and the row of an undisturbed run."""
    folder = tmp_path_factory.mktemp("caches")
    songs.write(folder / "song.wav", songs.guitar(6.0))
    return folder, go(folder, folder / "undisturbed", 0.7)


def interrupted(folder: Path, out: Path) -> None:
    """A run that ends before it assembles, so that all that is kept is there."""

    def write(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("morphsep.stages.assemble"), "write_song", write)
        with pytest.raises(KeyboardInterrupt):
            go(folder, out, 0.7)


def kept(out: Path, kind: str) -> list[Path]:
    found = sorted((out / ".morphsep").glob(KINDS[kind]))
    assert found
    return found


def spoil(path: Path, how: str) -> None:
    made = SPOILT[how](json.loads(path.read_text()))
    path.write_text(path.read_text()[:-9] if made is None else json.dumps(made))


@pytest.mark.parametrize("how", SPOILT)
def test_what_does_not_fit_is_made_again(
    tmp_path: Path, material: tuple[Path, TrackRow], how: str
) -> None:
    folder, undisturbed = material
    out = tmp_path / "out"
    interrupted(folder, out)
    for kind in KINDS:
        for path in kept(out, kind):
            spoil(path, how)
    spoilt = {path: path.read_text() for kind in MEASURED for path in kept(out, kind)}
    row = go(folder, out, 0.7)
    assert (row.status, row.output_hash) == ("ok", undisturbed.output_hash)
    assert row.num_chunks == undisturbed.num_chunks
    assert all(path.read_text() != text for path, text in spoilt.items())
    assert go(folder, out, 0.7) == row


def test_what_was_written_before_caches_said_their_version_is_used(
    tmp_path: Path, material: tuple[Path, TrackRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, undisturbed = material
    out = tmp_path / "out"
    interrupted(folder, out)
    for kind in KINDS.keys() - {"scan", "stem facts"}:  # what these say has changed since
        for path in kept(out, kind):
            values = json.loads(path.read_text())
            assert values.pop("version") == 1
            path.write_text(json.dumps(values))

    def never(*_: object, **__: object) -> None:
        pytest.fail("it was there")

    for module, name in (
        ("scanning", "_measure"), ("measure", "measure_stem"), ("measure", "measure_fit"),
        ("morph", "Morpher"),
    ):  # fmt: skip
        monkeypatch.setattr(import_module(f"morphsep.stages.{module}"), name, never)
    assert go(folder, out, 0.7).output_hash == undisturbed.output_hash


@pytest.mark.parametrize("missing", ["ended", "task", "updated_ns", "total", "work"])
def test_a_run_of_another_version(
    tmp_path: Path, material: tuple[Path, TrackRow], missing: str
) -> None:
    folder, undisturbed = material
    first = go(folder, tmp_path / "out", 0.7)
    place = Workspace(tmp_path / "out").progress
    said = place.read_json()
    assert said is not None
    place.write_json({k: v for k, v in said.items() if k != missing} | {"colour": "red"})
    if missing != "work":
        with pytest.raises(SettingError, match="another version"):
            read_status(str(tmp_path / "out"))
    assert go(folder, tmp_path / "out", 0.7) == first
    assert read_status(str(tmp_path / "out")).unchanged == 1
    assert first.output_hash == undisturbed.output_hash
