"""`make demo` is the first thing that anybody runs: it must not break unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import demo
from morphsep.run.verification import verify


def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--out", str(tmp_path), "--separator", "harmonic"]) == 0
    said = capsys.readouterr().out
    assert "SI-SDR" in said
    for take in ("own-stem", "separated"):
        assert (tmp_path / take / "picture.png").stat().st_size > 50_000
        assert f"{tmp_path / take / 'metal-madness.ogg.flac'}" in said
        assert verify(tmp_path / take) == (1, [])
