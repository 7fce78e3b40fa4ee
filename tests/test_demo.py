"""`make demo` is the first thing that anybody runs: it must not break unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs import demo
from morphsep.run.verification import verify

TAKES = ("own-stem", "separated")


def test_the_demo_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--out", str(tmp_path), "--separator", "harmonic"]) == 0
    said = capsys.readouterr().out
    assert "SI-SDR" in said
    for take in TAKES:
        assert (tmp_path / take / "picture.png").stat().st_size > 50_000
        assert f"{tmp_path / take / 'feelings.ogg.flac'}" in said
        assert verify(tmp_path / take) == (1, [])
    page = (tmp_path / "index.html").read_text()
    played = re.findall(r'<audio src="([^"]+)"', page)
    assert played == ["before.flac", *(f"{take}/feelings.ogg.flac" for take in TAKES)]
    shown = re.findall(r'<img src="([^"]+)"', page)
    assert all((tmp_path / file).is_file() for file in (*played, *shown))
    assert "//" not in page, "the page needs the network"
