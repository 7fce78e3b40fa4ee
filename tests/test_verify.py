"""`verify` finds what is wrong: every check is made to fail once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import morphsep
from morphsep import audio, manifest
from morphsep.manifest.rows import TrackRow
from morphsep.pipelines import REPROCESS
from morphsep.request import Settings, collect
from morphsep.run import run
from morphsep.run.executors import Executor, Pool, Steps
from morphsep.run.verification import verify
from morphsep.stages import Scan, kind_of_cpu
from morphsep.storage import StorageError, files
from tests import songs


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a song in ``in``, morphed into ``out``."""
    folder = tmp_path_factory.mktemp("done")
    path = songs.song(folder / "in", 14.0, subtype="PCM_24")
    morphsep.morph_file(
        path, folder / "out", to="fuzz", amount="0:00=0 0:08=0 0:10=1", chunk=5,
        stem="{stem}.guitar.wav", uniform=False,
    )  # fmt: skip
    return folder


@pytest.fixture
def done(template: Path, tmp_path: Path) -> tuple[Path, TrackRow]:
    """A copy, which a test may spoil."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    (row,) = manifest.read_tracks(out)
    row = replace(row, input=str(tmp_path / "in" / Path(str(row.input)).name))
    manifest.commit(out, row, list(manifest.read_chunks(out)))
    return out, row


def test_what_nobody_has_spoiled_is_found_right(done: tuple[Path, TrackRow]) -> None:
    assert verify(done[0]) == (1, [])


def promises(out: Path) -> set[int | None]:
    return {finding.promise for finding in verify(out)[1]}


def rewrite(out: Path, row: TrackRow, audio: np.ndarray, **info: object) -> TrackRow:
    """Another result under the same name, with a row that believes in it."""
    path = out / str(row.output)
    soundfile.write(path, audio.T, info.pop("rate", 44100), info.pop("subtype", "PCM_24"))
    row = replace(row, output_hash=files.digest_file(path), **info)
    manifest.commit(out, row, [c for c in manifest.read_chunks(out) if c.track == row.track])
    return row


def test_a_missing_or_changed_result(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    raw = (out / row.output).read_bytes()
    (out / row.output).write_bytes(raw[:-2] + b"xx")
    assert promises(out) == {7}
    (out / row.output).unlink()
    assert promises(out) == {7}


def test_a_half_written_file(done: tuple[Path, TrackRow]) -> None:
    out, _ = done
    (out / ".morphsep-0123456789abcdef.part").touch()
    assert promises(out) == {7}


def test_another_length_rate_or_subtype(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    audio = songs.read(out / row.output)
    rewrite(out, row, audio[:, :-1])
    assert 1 in promises(out)
    rewrite(out, row, audio, rate=48000)
    assert 1 in promises(out)
    rewrite(out, row, audio, subtype="PCM_16", output_subtype="PCM_16")
    assert 1 in promises(out)


def test_a_change_where_nothing_was_morphed(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    audio = songs.read(out / row.output)
    audio[:, 44100] += 1e-3
    rewrite(out, row, audio)
    assert promises(out) == {2}


def test_a_gain_that_the_manifest_does_not_know(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    rewrite(out, row, songs.read(out / row.output) * 0.5)
    assert promises(out) == {2, 5}


def test_lost_tags(tmp_path: Path) -> None:
    import mutagen.flac

    path = songs.write(tmp_path / "in" / "x.flac", songs.guitar(2.0))
    tagged = mutagen.flac.FLAC(path)
    tagged["title"] = "Ein Stück"
    tagged.save()
    row = morphsep.morph_file(path, tmp_path / "out", to="fuzz", separator="none")
    assert verify(tmp_path / "out") == (1, [])
    result = mutagen.flac.FLAC(tmp_path / "out" / row.output)
    assert result["title"] == ["Ein Stück"]
    result.delete()
    row = replace(row, output_hash=files.digest_file(tmp_path / "out" / row.output))
    manifest.commit(tmp_path / "out", row, manifest.read_chunks(tmp_path / "out"))
    assert promises(tmp_path / "out") == {1}


def test_parts_that_do_not_add_up_or_are_gone(tmp_path: Path) -> None:
    path = songs.song(tmp_path / "in", 3.0)
    out = tmp_path / "out"
    row = morphsep.separate_file(path, out, stem="{stem}.guitar.wav")
    assert verify(out) == (1, [])
    backing = out / row.backing
    songs.write(backing, songs.read(backing) * 1.01, subtype="FLOAT")
    assert promises(out) == {7}
    manifest.commit(out, replace(row, backing_hash=files.digest_file(backing)))
    assert promises(out) == {3}
    backing.unlink()
    assert promises(out) == {7}


def test_rows_that_claim_too_much(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    manifest.commit(out, replace(row, track="twin.wav"), [])
    assert 6 in promises(out)
    manifest.commit(out, TrackRow(track="twin.wav", status="failed", error_code=None))
    assert promises(out) == {6}


def test_an_input_that_is_gone_or_changed(done: tuple[Path, TrackRow]) -> None:
    out, row = done
    songs.write(Path(row.input), songs.guitar(14.0, seed=3), subtype="PCM_24")
    assert promises(out) == {1}
    Path(row.input).unlink()
    assert promises(out) == {1}


@pytest.mark.parametrize(
    "settings",
    [
        {"format": "ogg"},
        {"subtype": "PCM_16"},
        {"format": "flac"},
        {"from_": "clean"},
        {"amount": 0},
    ],
)
def test_legitimate_settings_are_not_blamed(tmp_path: Path, settings: dict[str, object]) -> None:
    path = songs.song(tmp_path / "in", 6.0, subtype="PCM_24")
    morphsep.morph_file(
        path, tmp_path / "out", **{"to": "fuzz", "stem": "{stem}.guitar.wav"} | settings
    )
    assert verify(tmp_path / "out") == (1, [])


LIVE = """
import sys
from importlib import import_module
import morphsep
from morphsep.run import heartbeat
heartbeat.BEAT = 0.2
output = import_module("morphsep.stages.output")
real = output.assemble
def assemble(*arguments, **more):
    made = real(*arguments, **more)
    print("here", flush=True)
    sys.stdin.readline()
    return made
output.assemble = assemble
path, out = sys.argv[1:]
row = morphsep.morph_file(path, out, to="fuzz", amount=0.25, separator="none", uniform=False)
print(row.output_hash)
"""


def test_a_run_at_work_and_a_check_do_not_disturb_each_other(tmp_path: Path) -> None:
    """The run is held while its result is half written, and its decoded copy is in use."""
    path, out = tmp_path / "a.mp3", tmp_path / "out"
    soundfile.write(path, songs.guitar(3.0).T, 44100)
    settings: dict[str, Any] = {"to": "fuzz", "separator": "none", "uniform": False}
    morphsep.morph_file(path, out, amount=0.5, **settings)
    with subprocess.Popen(
        [sys.executable, "-c", LIVE, str(path), str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout.readline() == "here\n"
        (copy,) = (out / ".morphsep" / "scratch").rglob("decoded-*.wav")
        before = files.digest_file(copy), copy.stat().st_mtime_ns
        assert list(out.glob(files.TEMPORARY)), "its result is half written"
        assert verify(out) == (1, [])
        assert (files.digest_file(copy), copy.stat().st_mtime_ns) == before
        said = run.communicate("\n")[0]
    assert run.returncode == 0
    assert verify(out) == (1, [])
    alone = morphsep.morph_file(path, tmp_path / "alone", amount=0.25, **settings)
    assert said.strip() == alone.output_hash
    assert not list((out / ".morphsep" / "readers").iterdir())


def executor(monkeypatch: pytest.MonkeyPatch, execute: Executor) -> None:
    monkeypatch.setattr(
        import_module("morphsep.run.verification.verify"), "get_executor", lambda name: execute
    )


def test_what_a_run_finishes_meanwhile_is_checked_as_it_is_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = songs.write(tmp_path / "a.wav", songs.guitar(3.0)), tmp_path / "out"
    settings: dict[str, Any] = {"to": "fuzz", "separator": "none", "uniform": False}
    morphsep.morph_file(path, out, amount=0.5, **settings)
    amounts = iter([0.6, 0.7])

    def execute(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        """The manifest was read; now a run comes along, and again."""
        for amount in amounts:
            morphsep.morph_file(path, out, amount=amount, **settings)
            break
        for record in records:
            yield from steps[0].call(record)

    executor(monkeypatch, execute)
    assert verify(out) == (1, [])
    assert next(amounts, None) is None


def two_songs(tmp_path: Path) -> tuple[Path, dict[str, TrackRow]]:
    """a.wav as it should be, b.wav without its result."""
    out = tmp_path / "out"
    rows = {
        name: morphsep.morph_file(
            songs.write(tmp_path / name, songs.guitar(1.0)), out, to="fuzz", separator="none",
            uniform=False,
        )
        for name in ("a.wav", "b.wav")
    }  # fmt: skip
    (out / "b.wav").unlink()
    return out, rows


@pytest.mark.parametrize(
    "error", [StorageError("away"), OSError("odd"), MemoryError("odd"), KeyError("odd")]
)
def test_a_track_that_cannot_be_checked_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    out, _ = two_songs(tmp_path)
    results = import_module("morphsep.run.verification.results")

    def scan(readable: Any, workspace: Any) -> Scan:
        raise error

    monkeypatch.setattr(results, "scan", scan)
    count, findings = verify(out)
    assert count == 2
    assert [(f.track, f.promise) for f in findings] == [("a.wav", None), ("b.wav", 7)]
    assert str(findings[0]).startswith("not checked: a.wav: ")


def test_storage_that_goes_away_at_the_end_hides_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = two_songs(tmp_path)
    real, calls = manifest.read_tracks, []

    def read_tracks(where: Any) -> list[TrackRow]:
        calls.append(where)
        if len(calls) > 1:
            raise StorageError("away")
        return real(where)

    monkeypatch.setattr(manifest, "read_tracks", read_tracks)
    assert [(f.track, f.promise) for f in verify(out)[1]] == [("b.wav", 7)]
    assert len(calls) > 1


def test_copies_of_inputs_make_room_in_a_folder_of_ours_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever copies an input may remove what lies beside its scratch folder."""
    out, _ = two_songs(tmp_path)
    results = import_module("morphsep.run.verification.results")
    real, seen = results.Readable, []

    def readable(path: str, scratch: Path, channels: Any) -> Any:
        seen.append((scratch.parent, list(scratch.parent.iterdir())))
        return real(path, scratch, channels)

    monkeypatch.setattr(results, "Readable", readable)
    verify(out)
    assert seen
    for folder, inside in seen:
        assert folder.name.startswith("morphsep-")
        assert all(each.name.startswith(".") or each.name == "owners" for each in inside), inside


def test_a_record_that_was_lost_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = two_songs(tmp_path)
    executor(monkeypatch, lambda steps, records, pool: iter(steps[0].call(records[1])))
    assert [(f.track, f.promise) for f in verify(out)[1]] == [("a.wav", None), ("b.wav", 7)]


@pytest.mark.parametrize(("lost", "code"), [(["a.wav"], 2), (["a.wav", "b.wav"], 3)])
def test_the_exit_code_says_that_something_was_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: list[str], code: int
) -> None:
    from typer.testing import CliRunner

    from morphsep.cli.app import app

    out, _ = two_songs(tmp_path)

    def execute(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        for record in records:
            if record.row.track not in lost:
                yield from steps[0].call(record)

    executor(monkeypatch, execute)
    done = CliRunner().invoke(app, ["verify", str(out)])
    assert done.exit_code == code
    assert all(f"not checked: {track}" in done.output for track in lost)


@pytest.mark.parametrize(
    ("elsewhere", "apart", "wrong"),
    [(False, 3e-7, True), (True, 3e-7, False), (True, 1e-4, True)],
)
def test_a_lossy_input_may_be_read_otherwise_on_another_kind_of_machine(
    tmp_path: Path, elsewhere: bool, apart: float, wrong: bool
) -> None:
    """As by a decoder that rounds otherwise: every sample of the result, by so much."""
    path, out = tmp_path / "a.mp3", tmp_path / "out"
    soundfile.write(path, songs.guitar(3.0).T, 44100)
    row = morphsep.morph_file(
        path, out, to="fuzz", amount="0:00=0 0:03=0.0 0:04=1", separator="none",
        format="wav", subtype="FLOAT",
    )  # fmt: skip
    audio = songs.read(out / row.output)
    audio += apart * np.random.default_rng(0).choice([-1, 1], audio.shape)
    versions = json.loads(row.versions)
    assert versions["cpu"] == [kind_of_cpu()]
    versions["cpu"] = [kind_of_cpu() + (" and more" if elsewhere else "")]
    rewrite(
        out, row, audio, subtype="FLOAT", versions=json.dumps(versions),
        peak_dbfs=20 * np.log10(np.abs(audio).max()),
    )  # fmt: skip
    assert promises(out) == ({2} if wrong else set())


OURS = {
    "x.wav": ("WAV", "PCM_16"), "x.rf64": ("RF64", "PCM_24"), "x.w64": ("W64", "PCM_16"),
    "x.aiff": ("AIFF", "PCM_24"), "x.caf": ("CAF", "FLOAT"), "x.au": ("AU", "PCM_16"),
    "x.flac": ("FLAC", "PCM_16"), "x.ogg": ("OGG", "VORBIS"), "x.opus": ("OGG", "OPUS"),
    "x.mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip
THEIRS = {"x.m4a": "aac", "x.mp2": "mp2", "x.mka": "flac", "x.wv": "wavpack"}
"""Decoded by ffmpeg once for the run, and once more for the count."""


def test_the_samples_of_inputs_of_all_kinds_are_counted_again(tmp_path: Path) -> None:
    rate, folder = 48_000, tmp_path / "in"
    folder.mkdir()
    x = np.random.default_rng(0).standard_normal((9_600, 2)) * 0.1
    for name, (form, subtype) in OURS.items():
        soundfile.write(folder / name, x, rate, subtype, format=form)
    ffmpeg = shutil.which("ffprobe") and shutil.which("ffmpeg")
    for name, coder in THEIRS.items() if ffmpeg else ():
        source = [ffmpeg, "-nostdin", "-v", "error", "-i", str(folder / "x.wav")]
        subprocess.run([*source, "-c:a", coder, str(folder / name)], check=True)
    out, settings = tmp_path / "out", Settings(to="fuzz", amount="0", separator="none")
    run(collect([str(folder)], out, replace(settings, uniform=False)), out, REPROCESS)
    rows = {Path(row.input).name: row for row in manifest.read_tracks(out)}
    assert set(rows) == {*OURS, *(THEIRS if ffmpeg else ())}
    for row in rows.values():
        said = replace(row, num_samples=(row.num_samples or 0) + 1)
        chunks = [chunk for chunk in manifest.read_chunks(out) if chunk.track == row.track]
        manifest.commit(out, said, chunks)
    messages = {(finding.track, finding.message) for finding in verify(out)[1]}
    for name, row in rows.items():
        counted = row.num_samples or 0
        why = f"the input has {counted} samples, the manifest says {counted + 1}"
        assert (row.track, why) in messages
        if ffmpeg and name in OURS and name != "x.au":
            seconds = audio.seconds_by_ffmpeg(audio.probe(row.input))
            assert seconds == pytest.approx(counted / rate, abs=0.1)
