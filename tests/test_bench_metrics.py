"""`jobs.bench.metrics`: what its table says follows from what was measured."""

import json
import math
import sys
from pathlib import Path

import pytest

from jobs.bench import metrics
from jobs.bench.metric_table import row, verdict


def record(knob: float, crossfade: float, louder: float | None = None) -> dict[str, object]:
    values = {"knob": {"loudness wobble": knob}, "crossfade": {"loudness wobble": crossfade}}
    if louder is not None:
        values["louder"] = {"loudness wobble": louder}
    return {"values": values, "cpu": 0.02}


def test_a_row_says_what_was_measured() -> None:
    records = [record(1, 2, 1), record(1, 3, 1), record(5, 4), record(math.nan, 4)]
    cells = [cell.strip() for cell in row("loudness wobble", records, seconds=2.0).split("|")[1:-1]]
    assert cells == ["loudness wobble (dB)", "1", "3", "weakly", "67%", "", "yes", "2", "3"]
    moved = [record(2, 1, 3), record(3, 1, 4)]
    cells = [cell.strip() for cell in row("loudness wobble", moved, seconds=2.0).split("|")[1:-1]]
    assert cells[3:7] == ["no: prefers the crossfade", "0%", "", "no: 100%"]
    unknown = [cell.strip() for cell in row("loudness wobble", moved[:0], 2.0).split("|")[1:-1]]
    assert unknown == ["loudness wobble (dB)", *[""] * 7, "0"]


def test_verdicts_are_in_order() -> None:
    shares = (1.0, 0.9, 0.65, 0.5, 0.35)
    expected = ["yes", "yes", "weakly", "no", "no: prefers the crossfade"]
    assert [verdict(share) for share in shares] == expected


def test_it_runs_and_goes_on_from_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.jsonl"
    options = ["--seconds", "0.5", "--only", "position", "truth", "--keep", str(kept)]
    for clips in ("1", "2"):
        monkeypatch.setattr(sys, "argv", ["metrics", "--clips", clips, *options])
        metrics.main()
    records = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [each["measure"] for each in records] == ["position", "truth"] * 2
    table = capsys.readouterr().out
    assert "| distance to the truth, nearest (dB) | 0 |" in table
    assert "| 2 |" in table
    assert "| distance to the truth, nearest | 100% |" in table
