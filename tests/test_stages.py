"""What the stages tell while they work, and what they put into a track's row."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import morphsep
from morphsep import manifest
from tests import songs


def test_progress_moves_within_a_section_and_ends_at_the_end(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 30.0)
    events: list[morphsep.Event] = []
    morphsep.morph_file(
        path, tmp_path / "out", to="chorus", separator="harmonic", on_progress=events.append
    )
    for stage in ("separate", "morph", "assemble"):
        done = [e.done for e in events if e.stage == stage]
        assert done == sorted(done)
        assert done[0] == 0
        assert done[-1] == events[-1].total
    assert len({e.done for e in events if e.stage == "separate"}) > 3


def test_the_row_says_what_was_done(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 12.0, 48000, 2, "PCM_24")
    row = morphsep.morph_file(
        path, tmp_path / "out", to="distortion", amount=0.5, stem="{stem}.guitar.wav", chunk=5
    )
    assert (row.separator, row.backend, row.from_tone, row.to_tone, row.amount) == (
        "stem", "chain", "as-recorded", "distortion", "0.5",
    )  # fmt: skip
    assert (row.sample_rate, row.num_channels, row.num_samples) == (48000, 2, 12 * 48000)
    assert row.lufs_before == pytest.approx(row.lufs, abs=1.5)
    assert row.peak_before_dbfs < 0
    assert row.true_peak_dbtp >= row.peak_dbfs - 1e-9
    assert json.loads(row.settings)["to"] == "distortion"
    assert json.loads(row.warp)["positions"][-1] == 1.0
    assert set(json.loads(row.versions)) >= {"morphsep", "python", "pedalboard"}
    chunks = manifest.read_chunks(tmp_path / "out")
    assert row.num_chunks == row.num_morphed == len(chunks) == 3
    assert [c.start for c in chunks] == [0, 209475, 418950]
    assert chunks[0].seam_step_db is None
    assert all(c.seam_correlation > 0.9 for c in chunks[1:])


@pytest.mark.parametrize("to", ["distortion", "fuzz", "overdrive", "clean", "ambient", "tremolo"])
def test_a_tone_keeps_the_loudness_of_any_guitar(tmp_path: Path, to: str) -> None:
    """Not only of the one that the tones are calibrated on."""
    path = songs.write(tmp_path / "guitar.wav", songs.guitar(15.0) * 0.5)
    row = morphsep.morph_file(path, tmp_path / "out", to=to, separator="none")
    assert row.lufs == pytest.approx(row.lufs_before, abs=1.0)


def test_a_silent_stem_and_an_amount_of_0_never_reach_a_backend(tmp_path: Path) -> None:
    audio = songs.guitar(20.0)
    audio[:, : 9 * 44100] = 0
    path = songs.write(tmp_path / "x.wav", audio)
    morphsep.morph_file(
        path, tmp_path / "out", to="chorus", amount="0:00=1 0:13=1 0:14=0", separator="none",
        chunk=5,
    )  # fmt: skip
    chunks = manifest.read_chunks(tmp_path / "out")
    assert [c.status for c in chunks] == ["silent", "morphed", "morphed", "zero", "zero"]
    before, after = songs.read(path), songs.read(tmp_path / "out" / "x.wav")
    np.testing.assert_array_equal(after[:, : 4 * 44100], before[:, : 4 * 44100])
    np.testing.assert_array_equal(after[:, 15 * 44100 :], before[:, 15 * 44100 :])


def test_arrays_in_and_out(tmp_path: Path) -> None:
    stereo = songs.guitar(6.0)
    same = morphsep.morph_array(stereo, 44100, to="chorus", amount=0, separator="none")
    np.testing.assert_array_equal(same, stereo)
    mono = morphsep.morph_array(stereo[0], 44100, to="chorus", separator="none")
    assert mono.shape == stereo[0].shape
    assert np.abs(mono - stereo[0]).max() > 0.01


def test_the_stem_and_the_seams_of_a_row_can_be_read(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 12.0)
    row = morphsep.morph_file(
        path, tmp_path / "out", to="chorus", stem="{stem}.guitar.wav", chunk=5
    )
    stem = morphsep.read_stem(row, tmp_path / "out")
    np.testing.assert_array_equal(stem, songs.read(tmp_path / "song.guitar.wav").astype(np.float32))
    assert morphsep.seams(row, tmp_path / "out") == [4.75, 9.5]


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_stem_that_is_exported_anew_is_not_taken_for_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path, out = songs.song(tmp_path, 4.0), tmp_path / "out"
    file = tmp_path / "song.guitar.wav"
    first, anew = file.read_bytes(), songs.read(file) * 0.99
    where, name = {"before": ("prepare", "missing_sections"), "while": ("stems", "open_mix")}[when]
    module = import_module(f"morphsep.stages.{where}")
    real = getattr(module, name)

    def exported(*arguments: Any) -> Any:
        songs.write(file, anew)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, exported)
        with pytest.raises(morphsep.TrackError, match="stem changed while") as raised:
            morphsep.separate_file(path, out, stem="{stem}.guitar.wav")
    assert raised.value.code == "changed_while_read"
    file.write_bytes(first)
    row = morphsep.separate_file(path, out, stem="{stem}.guitar.wav")
    np.testing.assert_array_equal(morphsep.read_stem(row, out), songs.read(file).astype(np.float32))


def test_a_yaml_tone_and_a_transition(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "x.wav", songs.guitar(6.0))
    rig = tmp_path / "rig.yaml"
    rig.write_text(
        "name: rig\ndescription: A test.\npedals:\n  - LowpassFilter: {cutoff_frequency_hz: 800}\n"
    )
    row = morphsep.morph_file(path, tmp_path / "out", to=str(rig), separator="none")
    assert row.status == "ok"
    first = row.output_hash
    rig.write_text(rig.read_text().replace("800", "2000"))
    again = morphsep.morph_file(path, tmp_path / "out", to=str(rig), separator="none")
    assert again.output_hash != first
