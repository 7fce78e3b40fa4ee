"""`morphsep evaluate --task captured-knobs`: devices with a knob, and tables by its position."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from typer.testing import CliRunner

from morphsep import models
from morphsep.cli.app import app
from morphsep.dsp.signal import MODEL_RATE
from morphsep.errors import NotHereError, SettingError
from morphsep.evaluation import metrics
from morphsep.evaluation.protocol import Plan, cutting, evaluate, evaluating, rendering
from morphsep.evaluation.results import MEASURES, Results, Score, average, report
from morphsep.evaluation.results.by_amount import beside_baseline, nearest_on_path
from morphsep.evaluation.results.cells import margins
from morphsep.evaluation.results.reporting import _paper, by_transition, pooled
from morphsep.evaluation.sounds import read_sounds
from morphsep.evaluation.tasks import FIVE_TRANSITIONS, captured_knobs
from morphsep.request import Settings, collect
from morphsep.storage import location
from morphsep.testing import plucked
from tests.guitarml_captures import write_capture


@pytest.fixture(scope="module")
def gear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two devices with a knob, one without, and a file that is none."""
    folder = tmp_path_factory.mktemp("gear")
    write_capture(folder / "amp.json")
    write_capture(folder / "pedal.json", seed=4)
    write_capture(folder / "plain.json", knob=False)
    (folder / "notes.json").write_text("{}")
    (folder / "README.md").write_text("By their makers.")
    return folder


@pytest.fixture(scope="module")
def guitars(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("guitars")
    for seed in range(2):
        soundfile.write(folder / f"{seed}.wav", plucked(MODEL_RATE, seed), MODEL_RATE, "PCM_24")
    return [str(folder / f"{seed}.wav") for seed in range(2)]


def evaluated(
    gear: Path,
    guitars: list[str],
    out: Path,
    steps: int = 4,
    backends: tuple[str, ...] = ("chain", "crossfade"),
) -> Results:
    plan = Plan(
        task=captured_knobs(str(gear)), backends=backends, pairs=2, steps=steps, seconds=1.0,
        cdpam=False,
    )  # fmt: skip
    return evaluate(collect(guitars, str(out), Settings(), "separate"), location(out), plan)


@pytest.fixture(
    scope="module",
    params=[
        ("chain", "crossfade"),
        pytest.param(("chain", "crossfade", "vocoder"), marks=pytest.mark.slow),
    ],
    ids=lambda names: f"{len(names)} backends",
)
def backends(request: pytest.FixtureRequest) -> tuple[str, ...]:
    names: tuple[str, ...] = request.param
    return names


@pytest.fixture(scope="module")
def whole(
    gear: Path,
    guitars: list[str],
    backends: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Results]:
    folder = tmp_path_factory.mktemp("eval")
    return folder, evaluated(gear, guitars, folder, backends=backends)


def test_each_device_with_a_knob_is_a_transition(
    gear: Path, whole: tuple[Path, Results], backends: tuple[str, ...]
) -> None:
    folder, results = whole
    rows = pq.read_table(folder / "scores.parquet").to_pylist()
    assert len(rows) == 2 * 2 * len(backends)
    assert {row["transition"] for row in rows} == {"amp, gain", "pedal, gain"}
    assert not results.failed
    assert list(results.left_out) == [str(gear / "plain.json")]
    assert "model_data" in results.unreadable[str(gear / "notes.json")]
    for row in rows:
        is_knob = row["backend"] == "chain"
        curves = (row["amounts"], row["distances"], row["nearest"])
        for amount, same, near in zip(*curves, strict=True):
            assert near <= same
            assert (same == 0) == (is_knob or amount in (0, 1))
        assert row["positions"][0] == 0
        assert row["positions"][-1] == 1


def test_the_truth_is_the_device_really_at_that_knob(
    gear: Path, whole: tuple[Path, Results]
) -> None:
    """Beside the clip through the capture with its knob at 0.25, made without any morph."""
    folder, _ = whole
    truths = {
        sound.amount: sound.path
        for sound in read_sounds(location(folder))
        if sound.transition == "amp, gain" and sound.role in ("a", "truth", "b")
        and sound.source.startswith("0-")
    }  # fmt: skip
    assert set(truths) == {0, 0.25, 0.5, 0.75, 1}
    guitar = plucked(MODEL_RATE, 0).astype(np.float32)[None]
    for amount, path in truths.items():
        made = soundfile.read(folder / path, dtype="float32")[0]
        turned = rendering.recipe("as-recorded", f"{gear / 'amp.json'}@gain={amount}", "spectral")
        expected = next(rendering.morph_samples_at(turned, guitar, MODEL_RATE, ["1"]))[0]
        gain = (made @ expected) / (expected @ expected)
        assert np.abs(made - gain * expected).max() < 1e-4 * np.abs(made).max(), amount


def test_another_run_has_the_same_tables(
    gear: Path,
    guitars: list[str],
    whole: tuple[Path, Results],
    backends: tuple[str, ...],
    tmp_path: Path,
) -> None:
    evaluated(gear, guitars[::-1], tmp_path, backends=backends)
    for name in ("sounds.parquet", "scores.parquet", "summary.parquet", "report.md"):
        assert (tmp_path / name).read_bytes() == (whole[0] / name).read_bytes(), name


def test_the_report_has_device_and_knob(whole: tuple[Path, Results]) -> None:
    text = (whole[0] / "report.md").read_text()
    assert text.startswith("# Evaluation: captured knobs")
    assert "The truth is the captured device really at that knob" in text
    assert "## Distance of the path to the truth, by amount (dB)" in text
    assert "| amp, gain | crossfade | 2 |" in text
    assert "The paper's table" not in text


def test_another_capture_of_the_same_name_is_measured_anew(
    guitars: list[str], tmp_path: Path
) -> None:
    gear, out = tmp_path / "gear", tmp_path / "eval"
    gear.mkdir()
    write_capture(gear / "amp.json")
    first = evaluated(gear, guitars[:1], out, steps=2)
    write_capture(gear / "amp.json", seed=9)
    again = evaluated(gear, guitars[:1], out, steps=2)
    assert [score.distances for score in first.done] != [score.distances for score in again.done]


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda folder: None, "no capture"),
        (lambda folder: write_capture(folder / "a.json", knob=False), "without a knob"),
        (lambda folder: (folder / "a.json").write_text("{"), "not JSON"),
    ],
)
def test_a_folder_without_a_knob_is_refused(
    tmp_path: Path, write: Callable[[Path], Any], says: str
) -> None:
    write(tmp_path)
    with pytest.raises(SettingError, match=says):
        captured_knobs(str(tmp_path))
    with pytest.raises(SettingError, match="is none"):
        captured_knobs(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "options",
    [["--task", "captured-knobs"], ["--captures", "gear"], ["--task", "ten-transitions"]],
)
def test_options_that_do_not_fit_are_refused(guitars: list[str], options: list[str]) -> None:
    with pytest.raises(SettingError, match="captured-knobs"):
        CliRunner().invoke(
            app, ["evaluate", guitars[0], "-o", "x", *options], catch_exceptions=False
        )  # fmt: skip


def test_the_command_line(gear: Path, guitars: list[str], tmp_path: Path) -> None:
    arguments = ["--task", "captured-knobs", "--captures", str(gear), "--steps", "2", "--seconds"]
    small = ["1", "--pairs", "1", "--no-cdpam", "--backend", "crossfade", "--json"]
    done = CliRunner().invoke(
        app, ["evaluate", guitars[0], "-o", str(tmp_path), *arguments, *small]
    )  # fmt: skip
    assert done.exit_code == 2, "notes.json could not be read"
    assert f'"{gear / "plain.json"}": "captured without a knob"' in done.stdout


def score(item: str, backend: str, near: float, error: str = "") -> Score:
    measured: dict[str, Any] = {} if error else {
        "amounts": (0.0, 0.5, 1.0), "nearest": (0.0, near, 0.0), "distances": (0.0, 9.0, 0.0),
        "positions": (0.0, 0.5, 1.0),
    }  # fmt: skip
    return Score(item=item, transition="amp", source=item, backend=backend, error=error, **measured)


def test_backends_are_compared_over_the_clips_that_both_have() -> None:
    """The crossfade failed for the clip in which everybody is far away."""
    scores = [
        score("1", "crossfade", 2.0), score("1", "spectral", 1.0),
        score("2", "crossfade", 0.0, "out of strings"), score("2", "spectral", 8.0),
    ]  # fmt: skip
    (cell,) = margins(scores, "nearest", "crossfade")
    assert (cell.value, cell.clips) == (-1.0, 1)
    assert list(beside_baseline(scores, "nearest").items) == [
        "spectral: further away in 0 of 1 cells, as far in 0"
    ]
    worse = beside_baseline([scores[0], score("1", "spectral", 2.5)], "nearest")
    assert list(worse.items) == [
        "spectral: further away in 1 of 1 cells, as far in 0: amp at 0.5 (+0.5 dB, clips: 1)"
    ]
    level = beside_baseline([scores[0], score("1", "spectral", 2.0)], "nearest")
    assert list(level.items) == ["spectral: further away in 0 of 1 cells, as far in 1"]
    alone = beside_baseline(scores[1:2], "nearest")
    assert list(alone.items) == ["Nothing was measured beside the crossfade."]


def test_tables_say_how_many_clips_each_number_is_of() -> None:
    scores = [
        score("1", "crossfade", 2.0), score("1", "spectral", 1.0), score("2", "spectral", 8.0)
    ]  # fmt: skip
    table = nearest_on_path(scores)
    assert table.heads == ["transition", "backend", "clips", "0.5"]
    assert table.rows == [["amp", "crossfade", "1", "2"], ["amp", "spectral", "2", "4.5"]]
    measured = [replace(each, values={"truth_nearest": 1.0}) for each in scores]
    averages = {(each.backend, each.transition, each.measure): each for each in average(measured)}
    rows = by_transition(averages, "truth_nearest").rows
    assert rows[0] == ["amp", "1, clips: 1", "1"]


def test_five_guitars_bear_an_interval() -> None:
    pairs = [(score(str(n), "crossfade", 1.0), score(str(n), "spectral", 2 + n)) for n in range(5)]
    scores = [each for pair in pairs for each in pair]
    (cell,) = margins(scores, "nearest", "crossfade")
    assert cell.value == 3
    assert cell.low is not None
    assert cell.high is not None
    assert 0 < cell.low < 3 < cell.high
    (said,) = beside_baseline(scores, "nearest").items
    assert "amp at 0.5 (+3 dB, +" in said
    assert said.endswith(", clips: 5)")
    assert "surely" not in said


def test_pooled_numbers_are_of_the_same_clips() -> None:
    """The crossfade failed for the clip in which everybody is far away."""
    scores = [
        score("1", "crossfade", 2.0), score("1", "spectral", 1.0), score("2", "spectral", 8.0)
    ]  # fmt: skip
    scores = [
        replace(each, values=dict.fromkeys(("truth_nearest", "cdpam_to_target"), each.nearest[1]))
        for each in scores
    ]
    table = pooled(scores, MEASURES, {})
    assert table.heads == ["measure", "clips", "crossfade", "spectral"]
    assert [row[1:] for row in table.rows] == [["1", "2", "1"]] * 2
    assert [row[2] for row in _paper(scores).rows[-2:]] == ["2.00 ± 0.000", "1.00 ± 0.000"]
    results = Results(
        task=FIVE_TRANSITIONS, scores=scores, amounts=(0.0, 0.5, 1.0), not_measured={}, left_out={},
        unreadable={},
    )  # fmt: skip
    assert {each.item for each in results.comparable} == {"1"}


def test_five_devices_bear_an_interval_with_one_guitar() -> None:
    """Rows of a single device have none."""
    scores = [
        Score(item=f"{n}", transition=f"{n}, gain", source="one", backend="spectral",
              values={"truth_nearest": float(n)})
        for n in range(5)
    ]  # fmt: skip
    found = {
        each.transition: each for each in average(scores, {f"{n}, gain": f"{n}" for n in "01234"})
    }
    assert found["0, gain"].low is None
    low, high = found["all"].low, found["all"].high
    assert low is not None
    assert high is not None
    assert low < 2 < high
    assert {each.low for each in average(scores)} == {None}, "these transitions are fixed"


def test_devices_take_the_same_passages_once_in_memory(gear: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", plucked(6 * MODEL_RATE, 0), MODEL_RATE, "PCM_24")
    jobs = collect([str(tmp_path / "long.wav")], str(tmp_path / "eval"), Settings(), "separate")
    transitions = captured_knobs(str(gear)).transitions
    clips = cutting.cut(cutting.read_sources(jobs, 1.0).sources, transitions, 2)
    amp, pedal = ([c for c in clips if c.transition is each] for each in transitions)
    assert [clip.start for clip in amp] == [clip.start for clip in pedal]
    assert all(a.guitar is b.guitar for a, b in zip(amp, pedal, strict=True))


def test_odd_names_of_captures(tmp_path: Path) -> None:
    """One that is `all` is not taken for all of them; one that is not UTF-8 can be in no table."""
    write_capture(tmp_path / "all.json")
    try:
        write_capture(tmp_path / os.fsdecode(b"a\xffb.json"))
    except OSError:
        pytest.skip("this disk takes UTF-8 alone")
    task = captured_knobs(str(tmp_path))
    assert [each.name for each in task.transitions] == ["all, gain"]
    assert {path: why for path, why in task.unreadable.items() if path.encode()} == {
        f"{tmp_path}/a\\xffb.json": "its name is not UTF-8; rename it"
    }


def test_the_report_leads_with_the_path_and_names_fixed_devices(
    whole: tuple[Path, Results],
) -> None:
    text = (whole[0] / "report.md").read_text()
    assert text.index("## Distance to the truth, nearest") < text.index(
        "## Distance to the truth, same amount"
    )
    assert "intervals hold with these devices (2)" in text


def test_the_truth_is_read_once_for_all_backends(
    gear: Path, guitars: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = rendering._read, []

    def counting(place: Any) -> Any:
        seen.append(place.name)
        return read(place)

    monkeypatch.setattr(rendering, "_read", counting)
    evaluated(gear, guitars[:1], tmp_path, steps=2)
    truths = [name for name in seen if name.startswith("truth")]
    assert len(truths) == 2 * 3, "two devices, three amounts"


def test_missing_weights_are_missing_weights(
    guitars: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user has set nothing: the evaluation itself fetches none."""
    recipe = evaluating.recipe

    def without(source: str, target: str, backend: str) -> Any:
        if backend == "music2latent":
            raise NotHereError("offline is set")
        return recipe(source, target, backend)

    monkeypatch.setattr(evaluating, "recipe", without)
    plan = Plan(backends=("crossfade", "music2latent"), pairs=1, steps=2, seconds=1.0, cdpam=False)
    plan = replace(plan, task=replace(plan.task, transitions=plan.task.transitions[:1]))
    jobs = collect(guitars[:1], str(tmp_path), Settings(), "separate")
    results = evaluate(jobs, location(tmp_path), plan)
    assert "weights are not on this machine" in results.not_measured["music2latent"]
    assert "offline" not in str(list(report(results)))


def test_cdpam_is_not_loaded_to_see_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded() -> None:
        raise AssertionError

    monkeypatch.setattr(metrics, "load_cdpam", loaded)
    monkeypatch.setattr(metrics, "cdpam_digest", lambda: "digest")
    cdpam, reasons = evaluating._metrics(Plan())
    assert (cdpam, "CDPAM" in reasons) == ("digest", False)

    def missing() -> str:
        raise SettingError("morphsep models fetch cdpam")

    monkeypatch.setattr(metrics, "cdpam_digest", missing)
    cdpam, reasons = evaluating._metrics(Plan())
    assert (cdpam, reasons["CDPAM"]) == ("", "morphsep models fetch cdpam")


@pytest.mark.parametrize("model", ["music2latent", "htdemucs_6s"])
def test_weights_that_are_not_here_are_told_from_other_faults(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(NotHereError):
        models.resolve(model, offline=True)
