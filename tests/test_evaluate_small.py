"""`make evaluate`: a table that has become worse fails, the same one and a better one do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs import evaluate_small
from jobs.evaluate_ends import ENDS
from jobs.evaluate_small import TABLE
from jobs.evaluate_table import COUNTING, Cell, Cells, compare, read_table, write_table
from morphsep import tones
from morphsep.errors import TrackError
from morphsep.evaluation.protocol import Plan, rendering
from morphsep.evaluation.results import ALL, MEASURES, Average
from morphsep.evaluation.tasks import FIVE_TRANSITIONS

TRANSITIONS = [transition.name for transition in FIVE_TRANSITIONS.transitions]
BUILTIN_TONES = Path(tones.__file__).parent / "builtin"
DRIVEN = replace(FIVE_TRANSITIONS, transitions=FIVE_TRANSITIONS.transitions[:1])
SMALL = replace(
    evaluate_small.PLAN, backends=("chain",), task=DRIVEN, steps=2, seconds=1.0, pairs=3
)  # fmt: skip
KEY = ("spectral", "clean-to-chorus")
WORSE = {"low": 1, "high": -1, "zero": 1, "same": 1}


def table(**values: float) -> Cells:
    return {(*KEY, name): Cell(value, value - 1, value + 1, 5) for name, value in values.items()}


def failing(before: Cells, now: Cells) -> list[str]:
    return [each.verdict for each in compare(before, now) if each.verdict]


def test_the_same_table_passes_and_a_worse_one_fails() -> None:
    before = read_table(TABLE)
    assert failing(before, before) == []
    for key, cell in before.items():
        if key[2] not in COUNTING:
            assert failing(before, {**before, key: replace(cell, value=cell.value + 99)}) == []
            continue
        best, tolerance = COUNTING[key[2]]
        away = (1 if cell.value >= 0 else -1) if best == "zero" else WORSE[best]
        moved = {
            share: {**before, key: replace(cell, value=cell.value + share * away * tolerance)}
            for share in (0.9, 1.1, -0.9)
        }
        assert failing(before, moved[0.9]) == []
        assert failing(before, moved[1.1]) == [
            f"{'other' if best == 'same' else 'worse'} by more than {tolerance:g}"
        ], key
        assert failing(before, moved[-0.9]) == []


def test_what_is_checked_in_has_every_cell_that_counts() -> None:
    cells = read_table(TABLE)
    plan = evaluate_small.PLAN
    of_ends = {name for name, (best, _) in COUNTING.items() if best == "same"}
    wanted = {
        (b, t, m) for b in plan.backends for t in TRANSITIONS for m in COUNTING.keys() - of_ends
    }
    wanted |= {(ENDS, t, m) for t in TRANSITIONS for m in of_ends}
    assert wanted <= cells.keys()
    assert all(cells[key].low <= cells[key].value <= cells[key].high for key in wanted)
    assert {m for *_, m in cells} <= {each.name for each in MEASURES} | of_ends
    assert {cell.clips for key, cell in cells.items() if key in wanted} == {plan.pairs}
    assert len(evaluate_small.DEMO) + evaluate_small.SYNTHESISED == plan.pairs >= 5


def test_a_cell_that_is_gone_or_new_fails() -> None:
    both = table(truth_nearest=1.0, loudness_wobble=0.1, zimtohrli_path=0.1)
    assert failing(both, table(truth_nearest=1.0)) == ["not measured"]  # Zimtohrli may be missing
    assert failing(table(truth_nearest=1.0), both) == ["not in the table"]


def test_either_side_of_zero_is_the_same(tmp_path: Path) -> None:
    assert failing(table(lean_to_louder=-0.2), table(lean_to_louder=0.2)) == []
    assert failing(table(lean_to_louder=0.1), table(lean_to_louder=-0.2)) != []


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    cells = evaluate_small.cells(
        Average(
            backend="chain", transition=transition, measure="truth_nearest", clips=5, sources=5,
            value=1 / 3, low=None if transition == "b" else 1e-7, high=12345.678,
        )
        for transition in ("a", "b", ALL)
    )  # fmt: skip
    write_table(tmp_path / "table.csv", cells)
    found = read_table(tmp_path / "table.csv")
    assert found.keys() == {("chain", "a", "truth_nearest"), ("chain", "b", "truth_nearest")}
    assert found["chain", "a", "truth_nearest"] == Cell(0.33333, 1e-7, 12346.0, 5)
    assert repr(found) == repr(cells)


def test_the_exit_code_says_whether_anything_is_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = table(truth_nearest=2.0, loudness_wobble=0.1)
    monkeypatch.setattr(evaluate_small, "ROOT", tmp_path)
    monkeypatch.setattr(evaluate_small, "TABLE", tmp_path / "table.csv")
    monkeypatch.setattr(evaluate_small, "measure", lambda folder, workers: now)
    assert evaluate_small.main([]) == 1  # there is no table yet
    assert evaluate_small.main(["--update"]) == 0
    assert evaluate_small.main([]) == 0
    now = table(truth_nearest=2.3, loudness_wobble=0.05)
    assert evaluate_small.main([]) == 1
    printed = capsys.readouterr().out
    assert "| spectral | clean-to-chorus | truth_nearest | 2 | 2.3 | +0.3 | 1.3 to 3.3 |" in printed
    assert "spectral / clean-to-chorus / truth_nearest: worse by more than 0.1" in printed
    assert printed.endswith("1 of 2 cells that count are worse\n")


def test_no_number_and_fewer_clips_fail() -> None:
    before = table(truth_nearest=1.0, end_crest=1.0)
    for key, cell in before.items():
        assert len(failing(before, {**before, key: replace(cell, value=float("nan"))})) == 1
        assert failing(before, {**before, key: replace(cell, clips=4)}) == ["of 4 clips, not of 5"]
        assert failing(before, {**before, key: replace(cell, value=0.5)}) == (
            ["other by more than 0.1"] if key[2] == "end_crest" else []
        )


def test_a_clip_that_failed_is_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: Any) -> Any:
        raise TrackError("internal", "out of strings")

    monkeypatch.setattr(rendering, "morph_samples_at", failing)
    monkeypatch.setattr(evaluate_small, "PLAN", SMALL)
    monkeypatch.setattr(evaluate_small, "TABLE", tmp_path / "table.csv")
    assert evaluate_small.main(["--update", "--workers", "1"]) == 1
    assert "out of strings" in capsys.readouterr().out
    assert not (tmp_path / "table.csv").exists()


def test_old_sounds_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    (tmp_path / "eval").mkdir()
    with pytest.raises(SystemExit):
        evaluate_small.main(["--keep", str(tmp_path)])


def hiss(sound: Any) -> Any:
    level = np.sqrt(np.mean(sound**2)) * 10 ** (-30 / 20)
    return sound + level * np.random.default_rng(0).standard_normal(sound.shape).astype("f4")


def clicks(sound: Any) -> Any:
    sound = sound.copy()
    sound[:, 5000::22050] += np.sqrt(np.mean(sound**2))
    return sound


def test_damage_to_the_tones_themselves_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ends and the truth move with it, so no distance shows it."""
    render = rendering.morph_samples_at

    def measured(name: str, plan: Plan, damage: Callable[[Any], Any]) -> Cells:
        monkeypatch.setattr(
            rendering, "morph_samples_at", lambda *given: (damage(s) for s in render(*given))
        )
        monkeypatch.setattr(evaluate_small, "PLAN", plan)
        (tmp_path / name).mkdir()
        return evaluate_small.measure(tmp_path / name, 1)

    before = measured("before", SMALL, lambda sound: sound)
    text = (BUILTIN_TONES / "distortion.yaml").read_text()
    weaker = re.sub(r"drive_db: (\d+)", lambda found: f"drive_db: {int(found[1]) // 2}", text)
    assert weaker != text
    (tmp_path / "weaker.yaml").write_text(weaker)
    (transition,) = SMALL.task.transitions
    changed = replace(transition, target=str(tmp_path / "weaker.yaml"))
    halved = replace(SMALL, task=replace(SMALL.task, transitions=[changed]))
    assert failing(before, measured("halved", halved, lambda sound: sound))
    assert failing(before, measured("hiss", SMALL, hiss))
    assert failing(before, measured("clicks", SMALL, clicks))
    assert failing(before, measured("again", SMALL, lambda sound: sound)) == []


def test_it_measures_with_the_guitars_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(FIVE_TRANSITIONS, transitions=FIVE_TRANSITIONS.transitions[:1])
    small = replace(
        evaluate_small.PLAN, backends=("crossfade",), task=one, steps=2, seconds=1.0, pairs=5
    )  # fmt: skip
    monkeypatch.setattr(evaluate_small, "PLAN", small)
    cells = evaluate_small.measure(tmp_path, 1)
    assert {key[:2] for key in cells} == {("crossfade", TRANSITIONS[0]), (ENDS, TRANSITIONS[0])}
    assert {name for *_, name in cells} >= COUNTING.keys()
    cell = cells["crossfade", TRANSITIONS[0], "truth_nearest"]
    assert cell.low <= cell.value <= cell.high  # five recordings: there is an interval
