"""The GPU script, tried on a CPU with small models: it prints figures, whatever they are."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from jobs.bench import gpu

ARGUMENTS = ["--device", "cpu", "--tiny", "--seconds", "1"]


def printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["gpu", *ARGUMENTS, *arguments])
    gpu.main()
    return capsys.readouterr().out


def rows(text: str) -> dict[str, list[float]]:
    """The figures of each way, without the memory, which a CPU does not tell."""
    found = {}
    for row in re.findall(r"^\| (?!way|-)(.*) \|$", text, re.M):
        name, *cells = row.split(" | ")
        assert cells.pop(3) == "-"
        found[name] = [float(cell) for cell in cells]
    return found


def test_every_precision_and_batch_size_has_a_row_with_its_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    found = rows(printed(monkeypatch, capsys, "--parts", "demucs"))
    ways = [f"ours, {p}, batch {b}" for p in ("float32", "bfloat16") for b in (1, 2)]
    assert list(found) == ["published, float32", *ways]
    for seconds, times, ratio, *_ in found.values():
        assert seconds > 0
        assert times > 0
        assert ratio > 0
    assert found["published, float32"][3] == 0
    for batch in (1, 2):
        assert found[f"ours, float32, batch {batch}"][3] < 1e-5
        assert -80 < found[f"ours, bfloat16, batch {batch}"][4] < -10


def test_roformer_has_a_row_for_each_batch_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    monkeypatch.setattr("jobs.bench.roformer_peer.is_installed", lambda: False)
    found = rows(printed(monkeypatch, capsys, "--parts", "roformer"))
    assert list(found) == ["ours, float32, batch 1", "ours, float32, batch 2"]
    assert all(seconds > 0 and error < 1e-5 for seconds, _, _, error, *_ in found.values())


def test_the_other_separators_and_the_compiled_model_have_rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    monkeypatch.setattr("torch.compile", lambda model, **_: model)
    monkeypatch.setattr(gpu, "OTHERS", ("embedded", "no-such"))
    text = printed(monkeypatch, capsys, "--parts", "separators,compiled")
    assert "not installed: no-such" in text
    names = [re.sub(r" \(first .*", "", name) for name in rows(text)]
    # on a CPU "the device" is the CPU once more
    assert names == ["embedded, cpu", "float32", "bfloat16", "bfloat16, compiled"]


def test_what_has_no_time_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(monkeypatch, capsys, "--budget", "0")
    for part in gpu.PARTS:
        assert f"left out, no time: {part}" in text


@pytest.mark.gpu
def test_a_gpu_tells_its_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["gpu", "--device", "cuda", "--tiny", "--seconds", "2", "--parts", "demucs"]
    )
    gpu.main()
    memory = re.findall(r"^\| ours.*?\| (\d+\.\d\d) \| \d", capsys.readouterr().out, re.M)
    assert memory
