"""`verify` finds what is wrong: every check is made to fail once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import morphsep
from morphsep import manifest
from morphsep.manifest.rows import TrackRow
from morphsep.run.verification import verify
from morphsep.storage import files
from tests import songs


@pytest.fixture
def done(tmp_path: Path) -> tuple[Path, TrackRow]:
    path = songs.song(tmp_path / "in", 14.0, subtype="PCM_24")
    row = morphsep.morph_file(
        path, tmp_path / "out", to="fuzz", amount="0:00=0 0:08=0 0:10=1", chunk=5,
        stem="{stem}.guitar.wav",
    )  # fmt: skip
    assert verify(tmp_path / "out") == (1, [])
    return tmp_path / "out", row


def promises(out: Path) -> set[int]:
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
