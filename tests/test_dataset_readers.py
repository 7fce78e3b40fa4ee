"""A data set as strangers open it: with their own libraries, none of ours."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from morphsep.cli.app import app
from morphsep.dataset import Running
from morphsep.dataset.export import EXPORTS, export
from morphsep.dataset.export import exporting as writing
from morphsep.errors import SettingError
from morphsep.request import Settings
from morphsep.storage import location
from tests.data_sets import made, rows_of
from tests.object_store import ObjectStore
from tests.songs import backing, guitar, write

RECIPE = """
clip_seconds: 1
clips_per_song: 2
splits: {train: 0.5, test: 0.5}
render:
  - ladder: {from: clean, to: overdrive, steps: 3, crossfades: yes}
  - chains: {pedals: [{Drive: {drive_db: [3, 30]}}]}
"""
SONGS = "clip_seconds: 1\nchannels: 2\nbacking: yes\nrender: [{tones: [overdrive]}]"

LEAVES_FILES_OPEN = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
"""Their readers do, until they are collected."""

Seen = dict[str, tuple[float, str]]
"""id -> (amount, digest of the samples of wet)."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings in both splits."""
    folder = tmp_path_factory.mktemp("data")
    for n in range(4):
        write(folder / "in" / f"{n}.wav", guitar(2, seed=50 * n, channels=1))
    assert made(folder / "in", folder / "set", RECIPE).rows == 4 * 2 * 5
    assert {row["split"] for row in rows_of(folder / "set").to_pylist()} == {"train", "test"}
    return folder / "set"


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stereo, with the rest of the song."""
    folder = tmp_path_factory.mktemp("songs")
    stem = guitar(2)
    write(folder / "in" / "song.wav", stem + backing(2), subtype="FLOAT")
    write(folder / "in" / "song.guitar.wav", stem, subtype="FLOAT")
    settings = Settings(separator="stem", stem="{stem}.guitar.wav")
    assert made(folder / "in" / "song.wav", folder / "set", SONGS, settings=settings).rows == 2
    return folder / "set"


def sha256(flac: bytes) -> str:
    samples, _ = soundfile.read(io.BytesIO(flac), dtype="int32", always_2d=True)
    return hashlib.sha256(samples.astype("<i4").tobytes()).hexdigest()


def expected(dataset: Path) -> Seen:
    rows = rows_of(dataset).select(["id", "amount", "wet_sha256"]).to_pylist()
    return {row["id"]: (row["amount"], row["wet_sha256"]) for row in rows}


def by_datasets(dataset: Path, cache: Path) -> Iterator[dict[str, Any]]:
    import datasets

    for split in datasets.load_dataset(str(dataset), cache_dir=str(cache)).values():
        yield from split


def by_torch(dataset: Path, cache: Path) -> Iterator[dict[str, Any]]:
    import datasets
    from torch.utils.data import DataLoader

    for split in datasets.load_dataset(str(dataset), cache_dir=str(cache)).values():
        for batch in DataLoader(split, batch_size=4, collate_fn=list):
            yield from batch


def by_duckdb(dataset: Path, cache: Path) -> Iterator[dict[str, Any]]:
    import duckdb

    query = f"select id, amount, wet from '{dataset}/data/*.parquet' where len(to_chain) > 0"
    for name, amount, wet in duckdb.sql(query).fetchall():
        yield {"id": name, "amount": amount, "wet": wet}


def by_pandas(dataset: Path, cache: Path) -> Iterator[dict[str, Any]]:
    import pandas

    yield from pandas.read_parquet(dataset / "data").to_dict("records")


def by_polars(dataset: Path, cache: Path) -> Iterator[dict[str, Any]]:
    import polars

    yield from polars.read_parquet(dataset / "data" / "*.parquet").iter_rows(named=True)


READERS: dict[str, Callable[[Path, Path], Iterator[dict[str, Any]]]] = {
    "datasets": by_datasets, "torch": by_torch, "duckdb": by_duckdb, "pandas": by_pandas,
    "polars": by_polars,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_all_rows_and_their_sound_are_read_by(name: str, dataset: Path, tmp_path: Path) -> None:
    rows = READERS[name](dataset, tmp_path)
    seen = {row["id"]: (row["amount"], sha256(row["wet"]["bytes"])) for row in rows}
    assert seen == expected(dataset)


def test_datasets_knows_what_is_sound(dataset: Path, tmp_path: Path) -> None:
    import datasets

    read = datasets.load_dataset(str(dataset), cache_dir=str(tmp_path))
    for split in read.values():
        assert split.features["dry"] == datasets.Audio(sampling_rate=44100, decode=False)
        assert set(split["split"]) == {str(split.split)}


def exported(dataset: Path, out: Path, name: str) -> dict[str, bytes]:
    """The files of an export."""
    found = export(location(dataset), location(out), name, Running())
    files = {name: (out / name).read_bytes() for name in found.files}
    assert {name: len(data) for name, data in files.items()} == dict(found.files)
    return files


@LEAVES_FILES_OPEN
def test_webdataset_reads_its_export(dataset: Path, tmp_path: Path) -> None:
    import webdataset

    files = exported(dataset, tmp_path, "webdataset")
    assert sorted(files) == ["test-000000.tar", "train-000000.tar"]
    seen, keys = Seen(), set[str]()
    for name in files:
        for row in webdataset.WebDataset(str(tmp_path / name), shardshuffle=False).decode():
            said = row["json"]
            assert {each for each in row if each[0] != "_"} == {"json", "dry.flac", "wet.flac"}
            assert said["split"] == name.split("-")[0]
            assert sha256(row["dry.flac"]) == said["dry_sha256"]
            seen[said["id"]] = (said["amount"], sha256(row["wet.flac"]))
            keys.add(row["__key__"])
    assert seen == expected(dataset)
    assert len(keys) == len(seen)


@LEAVES_FILES_OPEN
def test_lhotse_reads_its_export(dataset: Path, tmp_path: Path) -> None:
    import lhotse

    exported(dataset, tmp_path, "lhotse")
    seen = Seen()
    for split in ("train", "test"):
        for cut in lhotse.CutSet.from_shar(in_dir=tmp_path / split):
            said = cut.custom
            assert said["split"] == split
            assert cut.duration == 1.0
            for field, column in (("recording", "wet"), ("dry_recording", "dry")):
                samples = cut.load_custom(field) if column == "dry" else cut.load_audio()
                whole = np.round(samples.T * 2.0**23).astype("<i4") * 256
                assert hashlib.sha256(whole.tobytes()).hexdigest() == said[f"{column}_sha256"]
            assert [heard.recording_id for heard in cut.supervisions] == [cut.recording.id]
            seen[cut.id] = (said["amount"], said["wet_sha256"])
    assert seen == expected(dataset)


@LEAVES_FILES_OPEN
def test_exports_of_songs_hold_the_rest_and_both_channels(songs: Path, tmp_path: Path) -> None:
    import lhotse

    exported(songs, tmp_path / "lhotse", "lhotse")
    for cut in lhotse.CutSet.from_shar(in_dir=tmp_path / "lhotse" / "train"):
        mix, rest = cut.load_mix_recording(), cut.load_backing_recording()
        assert mix.shape == (2, 44100)
        assert np.abs(cut.load_audio() + rest - mix).max() < 1e-6
    files = exported(songs, tmp_path / "tars", "webdataset")
    with tarfile.open(fileobj=io.BytesIO(files["train-000000.tar"])) as tar:
        ends = [name.split(".", 1)[1] for name in tar.getnames()]
    assert ends == ["json", "dry.flac", "wet.flac", "backing.flac", "mix.flac"] * 2


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_the_same_bytes_every_time(name: str, dataset: Path, tmp_path: Path) -> None:
    assert exported(dataset, tmp_path / "a", name) == exported(dataset, tmp_path / "b", name)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_in_a_bucket_is_the_same(
    name: str, dataset: Path, tmp_path: Path, store: ObjectStore
) -> None:
    here = exported(dataset, tmp_path, name)
    out = location(store.url(f"exports/{name}"))
    for _ in range(2):  # the second time all is there
        assert export(location(dataset), out, name, Running()).files.keys() == here.keys()
    assert {each: (out / each).read_bytes() for each in here} == here


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_that_was_stopped_goes_on(
    name: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half-written file stands under a name that somebody reads, and none is left over."""
    whole = exported(dataset, tmp_path / "whole", name)
    rows, read = writing.rows_of, list[Path]()

    def fail(path: Path) -> Iterator[Any]:
        read.append(path)
        yield from list(rows(path))[: 5 if len(read) > 1 else None]
        if len(read) > 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(writing, "rows_of", fail)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        exported(dataset, out, name)
    monkeypatch.undo()
    there = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    done = {each for each in there if not each.startswith(".morphsep/")} - {"export.json"}
    assert 0 < len(done) < len(whole)
    assert {each: (out / each).read_bytes() for each in done} == {
        each: whole[each] for each in done
    }
    half = out / min(whole) / ".." / ".morphsep-0123456789abcdef.part"
    half.resolve().write_bytes(b"killed")
    assert exported(dataset, out, name) == whole
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("harm", ["cut", "longer", "gone"])
def test_files_of_an_export_that_were_harmed_are_written_again(
    name: str, harm: str, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    whole = exported(dataset, out, name)
    for each in whole:
        if harm == "gone":
            (out / each).unlink()
        else:
            (out / each).write_bytes(whole[each][:3000] if harm == "cut" else whole[each] + b"?")
        assert exported(dataset, out, name) == whole
    note = json.loads((out / "export.json").read_text())
    assert note["files"] == {each: len(data) for each, data in whole.items()}


def test_what_had_failed_recordings_is_exported_again_once_they_are_mended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = "clip_seconds: 1\nsplits: {train: 0.5, test: 0.5}\nrender: [{tones: [clean]}]"
    folder, out = tmp_path / "in", tmp_path / "set"
    write(folder / "a.wav", guitar(1, channels=1))
    (folder / "b.wav").write_bytes(b"none")
    assert made(folder, out, text).exit_code == 2
    command = ["generate", str(out), "-o", str(tmp_path / "tars"), "--export", "webdataset"]
    app(command, standalone_mode=False)
    assert "1 recordings of the data set failed and are missing, such as b.wav" in (
        capfd.readouterr().out
    )
    assert json.loads((tmp_path / "tars" / "export.json").read_text())["failed"] == 1
    write(folder / "b.wav", guitar(2, channels=1, seed=1))
    assert made(folder, out, text).exit_code == 0
    again = exported(out, tmp_path / "tars", "webdataset")
    assert again == exported(out, tmp_path / "fresh", "webdataset")
    assert json.loads((tmp_path / "tars" / "export.json").read_text())["failed"] == 0
    # sound now: another data set is refused there
    made(folder, tmp_path / "other", f"{text}\nseed: 1")
    with pytest.raises(SettingError, match="another export"):
        exported(tmp_path / "other", tmp_path / "tars", "webdataset")


def test_what_cannot_be_exported_is_refused(dataset: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", guitar(1, channels=1))
    text = "clip_seconds: 1\nrender: [{tones: [clean]}]"
    made(tmp_path / "in", tmp_path / "silent", text, sound=False)
    made(tmp_path / "in", tmp_path / "other", text)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train-000000.tar").write_bytes(b"mine")
    out = tmp_path / "out"
    export(location(dataset), location(out), "webdataset", Running())
    for source, to, name, why in (
        (tmp_path / "in", "new", "webdataset", "no finished data set"),
        (tmp_path / "silent", "new", "lhotse", "holds no sound"),
        (dataset, "new", "zip", "possible: webdataset, lhotse"),
        (dataset, "mine", "webdataset", "something else"),
        (dataset, "out", "lhotse", "another export"),
        (tmp_path / "other", "out", "webdataset", "another export"),
    ):
        with pytest.raises(SettingError, match=why):
            export(location(source), location(tmp_path / to), name, Running())
    assert (tmp_path / "mine" / "train-000000.tar").read_bytes() == b"mine"
    assert not (tmp_path / "new").exists()
    (shard,) = (tmp_path / "other" / "data").iterdir()
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(SettingError, match="was changed since it was written"):
        export(location(tmp_path / "other"), location(tmp_path / "a"), "lhotse", Running())
    shard.unlink()
    with pytest.raises(SettingError, match="is missing"):
        export(location(tmp_path / "other"), location(tmp_path / "b"), "lhotse", Running())


def test_the_command_exports(
    dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["generate", str(dataset), "-o", str(tmp_path / "out"), "--export", "webdataset"]
    app(given, standalone_mode=False)
    assert "40 rows in 2 files" in capfd.readouterr().out
    for wrong in (["--recipe", "r.yaml"], ["--new"], ["--dry-run"], [str(dataset)]):
        with pytest.raises(SettingError, match="takes one finished data set"):
            app([*given, *wrong], standalone_mode=False)


def test_a_row_of_an_export_says_all_that_a_row_says(dataset: Path, tmp_path: Path) -> None:
    files = exported(dataset, tmp_path, "webdataset")
    said = list[dict[str, Any]]()
    for data in files.values():
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    file = tar.extractfile(member)
                    assert file is not None
                    said.append(json.load(file))
    rows = rows_of(dataset).drop_columns(["dry", "wet"]).sort_by("id")
    assert pa.Table.from_pylist(said, schema=rows.schema).sort_by("id").equals(rows)
