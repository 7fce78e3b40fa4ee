import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jobs.picture import HIGHEST, LOWEST, SILENCE_DB, Panel, draw, log_spectrogram
from morphsep.dsp.signal import Signal
from morphsep.errors import SettingError

RATE = 44_100
LOG_DB = 1e-3
"""Decibels: a float32 logarithm is rounded by each kind of CPU in its own way."""


def sine(hertz: float, seconds: float = 1.0, rate: int = RATE, level: float = 1.0) -> Signal:
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * times))[None].astype(np.float32)


def centre(band: int, num_bands: int) -> float:
    return float(LOWEST * (HIGHEST / LOWEST) ** ((band + 0.5) / num_bands))


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
@pytest.mark.parametrize("hertz", [82.4, 440.0, 3000.0])
def test_a_sine_stands_at_its_frequency_and_level(hertz: float, rate: int) -> None:
    levels = log_spectrogram(sine(hertz, rate=rate, level=0.1), rate)
    middle = levels[:, levels.shape[1] // 2]
    assert centre(int(middle.argmax()), len(levels)) == pytest.approx(hertz, rel=0.03)
    assert middle.max() == pytest.approx(-20.0, abs=0.5)


def test_an_event_stands_at_its_time() -> None:
    audio = np.zeros((1, 2 * RATE), np.float32)
    audio[0, round(1.5 * RATE)] = 1.0
    levels = log_spectrogram(audio, RATE)
    loudest = levels.max(axis=0).argmax() / levels.shape[1]
    assert loudest == pytest.approx(0.75, abs=0.01)


def test_opposite_channels_do_not_cancel() -> None:
    mono = sine(440)
    levels = log_spectrogram(np.concatenate([mono, -mono]), RATE)
    assert levels.max() == pytest.approx(log_spectrogram(mono, RATE).max(), abs=0.01)


def test_silence_and_what_lies_above_half_the_rate_read_as_silence() -> None:
    silence = log_spectrogram(np.zeros((2, 4000), np.float32), RATE)
    np.testing.assert_allclose(silence, SILENCE_DB, rtol=0, atol=LOG_DB)
    levels = log_spectrogram(sine(440, rate=8000), 8000)
    above = [centre(band, len(levels)) > 4100 for band in range(len(levels))]
    np.testing.assert_allclose(levels[above], SILENCE_DB, rtol=0, atol=LOG_DB)


@pytest.mark.parametrize("num_samples", [1, 7, 2000])
def test_the_shortest_audio_is_drawn(num_samples: int, tmp_path: Path) -> None:
    draw(tmp_path / "a.png", [Panel(title="", audio=sine(440)[:, :num_samples], sample_rate=RATE)])
    assert (tmp_path / "a.png").stat().st_size > 1000


def pixels(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(path))


def test_seams_and_amount_are_in_the_picture(tmp_path: Path) -> None:
    panels = [Panel(title="before", audio=sine(440), sample_rate=RATE)]
    draw(tmp_path / "plain.png", panels)
    draw(tmp_path / "seams.png", panels, [0.5])
    draw(tmp_path / "amount.png", panels, [0.5], np.linspace(0, 1, 50, dtype=np.float32))
    plain, seams, amount = (pixels(tmp_path / f"{n}.png") for n in ("plain", "seams", "amount"))
    assert plain.shape == seams.shape
    height, width, _ = plain.shape
    changed = (plain != seams)[: height // 2].any(
        axis=(0, 2)
    )  # the upper half: no time label there
    assert 0 < np.count_nonzero(changed) <= 6
    assert changed[width // 2 - width // 10 : width // 2 + width // 10].any()
    assert amount.shape[0] > seams.shape[0]


def test_panels_of_different_rates_share_the_time_axis(tmp_path: Path) -> None:
    panels = [
        Panel(title=str(rate), audio=sine(440, rate=rate), sample_rate=rate)
        for rate in (8000, 96_000)
    ]
    draw(tmp_path / "a.png", panels)
    assert (tmp_path / "a.png").exists()


def test_nothing_to_draw_is_a_setting_error(tmp_path: Path) -> None:
    empty = Panel(title="", audio=np.zeros((2, 0), np.float32), sample_rate=RATE)
    for panels in ([], [empty]):
        with pytest.raises(SettingError, match="at least one"):
            draw(tmp_path / "a.png", panels)


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[pictures\]'"):
        draw(tmp_path / "a.png", [Panel(title="", audio=sine(440), sample_rate=RATE)])


def test_importing_the_module_does_not_load_matplotlib() -> None:
    code = "import sys, jobs.picture; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
