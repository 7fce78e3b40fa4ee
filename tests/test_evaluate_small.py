"""`make evaluate`: a table that has become worse fails, the same one and a better one do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jobs import evaluate_small
from jobs.evaluate_small import COUNTING, TABLE, Cell, Cells, compare, read_table, write_table
from morphsep.evaluation.results import ALL, MEASURES, Average
from morphsep.evaluation.tasks import FIVE_TRANSITIONS

TRANSITIONS = [transition.name for transition in FIVE_TRANSITIONS.transitions]
KEY = ("spectral", "clean-to-chorus")
WORSE = {"low": 1, "high": -1, "zero": 1}


def table(**values: float) -> Cells:
    return {(*KEY, name): Cell(value, value - 1, value + 1) for name, value in values.items()}


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
        assert failing(before, moved[1.1]) == [f"worse by more than {tolerance:g}"], key
        assert failing(before, moved[-0.9]) == []


def test_what_is_checked_in_has_every_cell_that_counts() -> None:
    cells = read_table(TABLE)
    plan = evaluate_small.PLAN
    wanted = {(b, t, m) for b in plan.backends for t in TRANSITIONS for m in COUNTING}
    assert wanted <= cells.keys()
    assert all(cells[key].low <= cells[key].value <= cells[key].high for key in wanted)
    assert {m for *_, m in cells} <= {each.name for each in MEASURES}
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
    assert found["chain", "a", "truth_nearest"] == Cell(0.33333, 1e-7, 12346.0)
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


def test_it_measures_with_the_guitars_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(FIVE_TRANSITIONS, transitions=FIVE_TRANSITIONS.transitions[:1])
    small = replace(
        evaluate_small.PLAN, backends=("crossfade",), task=one, steps=2, seconds=1.0, pairs=5
    )  # fmt: skip
    monkeypatch.setattr(evaluate_small, "PLAN", small)
    cells = evaluate_small.measure(tmp_path, 1)
    assert {key[:2] for key in cells} == {("crossfade", TRANSITIONS[0])}
    assert cells.keys() >= {("crossfade", TRANSITIONS[0], name) for name in COUNTING}
    cell = cells["crossfade", TRANSITIONS[0], "truth_nearest"]
    assert cell.low <= cell.value <= cell.high  # five recordings: there is an interval
