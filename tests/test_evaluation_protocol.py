"""`morphsep evaluate`: recordings of guitars in, sounds, tables and a report out."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from morphsep.errors import SettingError, TrackError
from morphsep.evaluation import listening
from morphsep.evaluation.document import Heading
from morphsep.evaluation.protocol import Plan, cutting, evaluate, rendering, working
from morphsep.evaluation.results import Results, report
from morphsep.evaluation.sounds import read_sounds
from morphsep.evaluation.tasks import FIVE_TRANSITIONS
from morphsep.request import Settings, collect
from morphsep.storage import StorageError, location
from morphsep.testing import plucked
from tests.commands import invoke

RATE = 44_100
PLAN = Plan(
    backends=("chain", "crossfade"),
    task=replace(FIVE_TRANSITIONS, transitions=FIVE_TRANSITIONS.transitions[1:3]),
    pairs=2, steps=2, seconds=1.0, cdpam=False,
)  # fmt: skip
ONE = replace(PLAN, task=replace(PLAN.task, transitions=PLAN.task.transitions[:1]))
"""Of one transition."""
TABLES = ("sounds.parquet", "scores.parquet", "summary.parquet", "report.md", "report.html")


def write(folder: Path, name: str, seconds: float, level: float = 1.0, seed: int = 0) -> str:
    sound = level * plucked(round(seconds * RATE), seed)
    soundfile.write(folder / name, sound, RATE, "PCM_24")
    return str(folder / name)


def evaluated(paths: list[str], folder: Path, plan: Plan = PLAN, **more: Any) -> Results:
    jobs = collect(paths, str(folder), Settings(), "separate")
    return evaluate(jobs, location(folder), plan, **more)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two guitars of unequal length, one of them twice, silence, and one that is too short."""
    folder = tmp_path_factory.mktemp("sources")
    return [
        write(folder, "one.wav", 1.4),
        write(folder, "two.wav", 2.5, seed=1),
        write(folder, "twin.wav", 1.4),
        write(folder, "silent.wav", 2.0, level=0.0),
        write(folder, "short.wav", 0.5),
    ]


@pytest.fixture(scope="module")
def whole(sources: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Results]:
    """An evaluation that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, evaluated(sources, folder)


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A value for each sound that is rendered."""
    seen: list[float] = []
    render = rendering.morph_samples_at

    def counting(recipe: Any, samples: Any, rate: int, amounts: Any) -> Any:
        for amount, sound in zip(amounts, render(recipe, samples, rate, amounts), strict=True):
            seen.append(float(amount))
            yield sound

    monkeypatch.setattr(rendering, "morph_samples_at", counting)
    return seen


def test_a_row_for_each_clip_and_backend(whole: tuple[Path, Results]) -> None:
    folder, results = whole
    rows = pq.read_table(folder / "scores.parquet").to_pylist()
    assert len(rows) == len(results.scores) == 2 * 2 * 2
    assert {row["source"].partition("-")[0] for row in rows} == {"one", "two"}
    for row in rows:
        is_knob = row["backend"] == "chain"
        assert row["error"] == ""
        assert (row["truth_same_amount"] == 0) == is_knob
        assert (row["distances"][1] == 0) == is_knob
        assert row["cdpam_path"] is None


def test_what_cannot_be_cut_is_left_out_with_the_reason(whole: tuple[Path, Results]) -> None:
    reasons = {Path(path).stem: why for path, why in whole[1].left_out.items()}
    assert reasons.keys() == {"twin", "silent", "short"}
    assert reasons["twin"].startswith("the same sound as one-")
    assert "silent" in reasons["silent"]


def test_averages_are_those_of_the_rows(whole: tuple[Path, Results]) -> None:
    folder, results = whole
    rows = pq.read_table(folder / "summary.parquet").to_pylist()
    (row,) = [
        each for each in rows
        if (each["backend"], each["transition"], each["measure"])
        == ("crossfade", "all", "truth_same_amount")
    ]  # fmt: skip
    values = [s.values["truth_same_amount"] for s in results.scores if s.backend == "crossfade"]
    assert row["value"] == pytest.approx(np.mean(values))
    assert (row["clips"], row["sources"], row["low"]) == (4, 2, None)  # two recordings: no interval


def test_the_report_says_what_was_not_measured(whole: tuple[Path, Results]) -> None:
    text = (whole[0] / "report.md").read_text(encoding="utf-8")
    assert "- CDPAM: not asked for" in text
    assert "0 by construction" in text
    assert "| Music2Latent | 0.13 ± 0.060 |  | 4.3 |" in text


def test_a_listening_test_can_be_made_of_it(whole: tuple[Path, Results], tmp_path: Path) -> None:
    made = listening.make(location(whole[0]), location(tmp_path), listening.Plan())
    assert made.items == 4
    assert {s.role for s in made.test.stimuli.values()} >= {"a", "b", "truth", "morph"}


def test_the_ends_are_the_two_tones(whole: tuple[Path, Results]) -> None:
    """At amount 0 the source tone is heard, not the guitar as it was recorded."""
    folder = whole[0]
    of_transition = {
        sound.transition: soundfile.read(folder / sound.path)[0]
        for role in ("b", "a")
        for sound in read_sounds(location(folder))
        if sound.role == role and sound.source.startswith("one")
        and (role == "b") == (sound.transition == "clean-to-overdrive")
    }  # fmt: skip
    overdriven, start = of_transition.values()
    np.testing.assert_allclose(overdriven, start, atol=1e-5)


def test_a_killed_evaluation_goes_on(
    sources: list[str], whole: tuple[Path, Results], tmp_path: Path, rendered: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def killed(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluated(sources, tmp_path, on_progress=killed)
    assert not (tmp_path / "scores.parquet").exists()
    assert len(rendered) == 2 * (3 + 1)  # ends, the truth between them, a crossfade
    evaluated(sources, tmp_path)
    assert len(rendered) == 4 * (3 + 1)
    for name in TABLES:
        assert (tmp_path / name).read_bytes() == (whole[0] / name).read_bytes(), name

    monkeypatch.setattr(working, "measure", None)  # nobody may call it
    assert evaluated(sources, tmp_path).failed == []
    assert len(rendered) == 4 * (3 + 1)


@pytest.mark.parametrize("fault", ["it raises", "another length", "no numbers"])
def test_a_backend_that_fails_for_one_clip_is_a_row(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    render, failures = rendering.morph_samples_at, []

    def failing(recipe: Any, samples: Any, rate: int, amounts: Any) -> Any:
        if recipe.backend.name != "crossfade" or failures:
            return render(recipe, samples, rate, amounts)
        failures.append(fault)
        if fault == "it raises":
            raise TrackError("internal", "out of strings")
        return [samples[:, :-1] if fault == "another length" else samples * np.nan]

    monkeypatch.setattr(rendering, "morph_samples_at", failing)
    plan = ONE
    results = evaluated(sources[:2], tmp_path, plan)
    (failed,) = results.failed
    assert failed.backend == "crossfade"
    assert {"it raises": "out of strings", "another length": "one shape", "no numbers": "numbers"}[
        fault
    ] in failed.error
    assert len(results.done) == 3
    assert f"- {failed.item}, crossfade: " in (tmp_path / "report.md").read_text("utf-8")
    morphs = [s for s in read_sounds(location(tmp_path)) if s.item == failed.item and s.backend]
    assert {sound.backend for sound in morphs} == {"chain"}

    monkeypatch.setattr(rendering, "morph_samples_at", render)
    if fault == "it raises":  # failures are tried again
        assert evaluated(sources[:2], tmp_path, plan).failed == []


def test_what_other_settings_left_half_done_is_no_result(
    sources: list[str], tmp_path: Path, rendered: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it renders again by another backend's version: nothing of either is trusted."""
    plan = replace(ONE, pairs=1)
    evaluated(sources[:1], tmp_path, plan)
    before, count = (tmp_path / "scores.parquet").read_bytes(), len(rendered)
    schema, write_flac = rendering.SCHEMA, rendering._write

    def killed(place: Any, sound: Any) -> None:
        write_flac(place, sound * 0)
        raise KeyboardInterrupt

    monkeypatch.setattr(rendering, "SCHEMA", schema + 1)
    monkeypatch.setattr(rendering, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        evaluated(sources[:1], tmp_path, plan)
    monkeypatch.setattr(rendering, "SCHEMA", schema)
    monkeypatch.setattr(rendering, "_write", write_flac)
    evaluated(sources[:1], tmp_path, plan)
    assert len(rendered) > count + 1
    assert (tmp_path / "scores.parquet").read_bytes() == before


def test_clips_of_other_lengths_have_other_names(sources: list[str], tmp_path: Path) -> None:
    plan = replace(ONE, pairs=1, backends=("crossfade",))
    short, longer = (
        evaluated(sources[1:2], tmp_path, replace(plan, seconds=seconds)) for seconds in (1.0, 2.0)
    )
    assert short.scores[0].item != longer.scores[0].item


def test_what_cannot_be_read_is_named_and_the_rest_is_done(
    sources: list[str], tmp_path: Path
) -> None:
    wide, junk = tmp_path / "wide.wav", tmp_path / "junk.wav"
    soundfile.write(wide, np.resize(plucked(RATE), (RATE, 4)), RATE)
    junk.write_bytes(b"no sound at all" * 100)
    plan = replace(ONE, pairs=1, backends=("chain",))
    gone = str(tmp_path / "gone.wav")
    results = evaluated([sources[0], str(wide), str(junk), gone], tmp_path / "eval", plan)
    assert {Path(path).stem for path in results.unreadable} == {"wide", "junk", "gone"}
    assert len(results.done) == 1
    assert Heading("Recordings that could not be read") in report(results)
    assert "--channels" not in str(results.unreadable)


@pytest.mark.parametrize(
    "error", [StorageError("the bucket is away"), TrackError("disk_full", "no space is left")]
)
def test_trouble_with_storage_leaves_no_recording_out(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(*_: Any) -> None:
        raise error

    monkeypatch.setattr(cutting, "decode_to", failing)
    with pytest.raises(StorageError, match=str(error)):
        evaluated(sources[:1], tmp_path)


def test_a_key_that_is_gone_from_a_bucket_is_left_out(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = cutting.decode_to

    def reading(path: str, *more: Any) -> Any:
        if Path(path).stem == "two":
            raise FileNotFoundError(path)
        return decode(path, *more)

    monkeypatch.setattr(cutting, "decode_to", reading)
    plan = replace(ONE, pairs=1, backends=("chain",))
    results = evaluated(sources[:2], tmp_path, plan)
    assert [Path(path).stem for path in results.unreadable] == ["two"]


def test_a_recording_that_changes_meanwhile_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "one.wav", 1.4)
    jobs = collect([path], str(tmp_path / "eval"), Settings(), "separate")
    found = cutting.read_sources(jobs, 1.0)
    write(tmp_path, "one.wav", 1.4, seed=2)
    with pytest.raises(TrackError, match="changed"):
        cutting.cut(found.sources, ONE.task.transitions, 1)


def test_windows_are_drawn_by_the_file_not_by_what_a_decoder_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, decode = write(tmp_path, "one.wav", 5.4), cutting._decoded
    jobs = collect([path], str(tmp_path / "eval"), Settings(), "separate")

    def drawn() -> list[str]:
        sources = cutting.read_sources(jobs, 1.0).sources
        return [clip.item for clip in cutting.cut(sources, PLAN.task.transitions, 3)]

    here = drawn()
    monkeypatch.setattr(
        cutting, "_decoded", lambda job: (decode(job)[0] * np.float32(1 + 1e-6), decode(job)[1])
    )
    assert drawn() == here
    write(tmp_path, "one.wav", 5.4, seed=3)
    assert drawn() != here


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 0.5])
def test_clips_of_no_length_are_refused(seconds: float) -> None:
    with pytest.raises(SettingError, match="finite"):
        Plan(seconds=seconds)


def test_another_tasks_tables_are_not_lost(sources: list[str], tmp_path: Path) -> None:
    plan = replace(ONE, pairs=1, backends=("crossfade",))
    evaluated(sources[:1], tmp_path, plan)
    before = (tmp_path / "summary.parquet").read_bytes()
    other = replace(FIVE_TRANSITIONS, transitions=FIVE_TRANSITIONS.transitions[3:4])
    with pytest.raises(SettingError, match="name another folder"):
        evaluated(sources[:1], tmp_path, replace(plan, task=other))
    assert (tmp_path / "summary.parquet").read_bytes() == before


def test_a_damaged_table_is_written_anew(sources: list[str], tmp_path: Path) -> None:
    (tmp_path / "sounds.parquet").write_bytes(b"PAR1 cut")
    evaluated(sources[:1], tmp_path, replace(ONE, pairs=1, backends=("crossfade",)))
    assert read_sounds(location(tmp_path))


def test_one_clip_has_no_interval(sources: list[str], tmp_path: Path) -> None:
    plan = replace(ONE, pairs=1, backends=("crossfade",))
    results = evaluated(sources[:1], tmp_path, plan)
    assert len(results.scores) == 1
    assert {(each.clips, each.low, each.high) for each in results.averages} == {(1, None, None)}


def test_nothing_to_measure_is_said_before_anything_is_done(
    sources: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="silent"):
        evaluated(sources[3:], tmp_path)
    with pytest.raises(SettingError, match="no backend 'theremin'"):
        evaluated(sources[:1], tmp_path, replace(PLAN, backends=("theremin",)))
    assert list(tmp_path.iterdir()) == []


def test_the_command_line(
    sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = partial(invoke, "evaluate", sources[0], "-o", "eval")
    small = ("--backend", "crossfade", "--pairs", "1", "--steps", "2", "--seconds", "1")
    done = run(*small, "--no-cdpam", "--workers", "2", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["rows"], told["failed"], told["left_out"]) == (5, {}, {})
    assert all((tmp_path / "eval" / name).exists() for name in TABLES)
    (tmp_path / "junk.wav").write_bytes(b"no sound at all" * 100)
    unreadable = run("junk.wav", *small, "--no-cdpam")
    assert (unreadable.returncode, "could not be read" in unreadable.stdout) == (2, True)
    refused = run("--task", "ten-transitions")
    assert refused.returncode == 1
    assert "five-transitions" in refused.stderr
