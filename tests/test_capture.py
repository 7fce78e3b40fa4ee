"""Amp captures: Neural Amp Modeler's files, played in pieces, at any rate, from any cut."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones.capture import model as capture_model
from morphsep.tones.capture.capture import Capture
from morphsep.tones.capture.model import load_network, read_definition
from morphsep.tones.capture.player import PIECE, player
from morphsep.tones.catalogue import get_tone
from morphsep.tones.tone import Tone

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    # to import it takes seconds, and brings lightning and matplotlib along
    pytest.mark.skipif(find_spec("nam") is None, reason="needs the extra morphsep[nam]"),
]

LEVEL = -18.0
LAYERS = {
    "input_size": 1,
    "condition_size": 1,
    "channels": 4,
    "kernel_size": 3,
    "dilations": [1, 2, 4, 8, 16, 32],
    "activation": "Tanh",
}
NEW_HEAD = {"head": {"out_channels": 1, "kernel_size": 1, "bias": True}}
OLD_HEAD = {"head_size": 1, "head_bias": True, "gated": False}
"""As versions before 0.7 wrote it."""


def network(kind: str, seed: int = 0) -> Any:
    """A small network of the package, its weights drawn at random."""
    import torch

    capture_model._builder()
    torch.manual_seed(seed)
    if kind == "WaveNet":
        from nam.models.wavenet import WaveNet

        config = {"layers_configs": [{**LAYERS, **NEW_HEAD}], "head": None, "head_scale": 0.5}
        return WaveNet.init_from_config({**config, "sample_rate": 48_000})
    if kind == "LSTM":
        from nam.models.recurrent import LSTM

        return LSTM(hidden_size=4, sample_rate=48_000)
    from nam.models.linear import Linear

    return Linear(receptive_field=31, bias=True, sample_rate=44_100)


def write(folder: Path, kind: str, **changes: Any) -> Path:
    """A ``.nam`` file as the package exports it, with changes."""
    made = network(kind)
    definition = {
        "version": "0.7.0",
        "metadata": {"name": "Small", "gear_make": "Acme", "modeled_by": "a test"},
        "architecture": kind,
        "config": made._export_config(),
        "weights": [float(w) for w in made._export_weights()],
        "sample_rate": made.sample_rate,
    }
    path = folder / f"{kind}.nam"
    path.write_text(json.dumps({**definition, **changes}))
    return path


def strings(seconds: float, channels: int = 1) -> Signal:
    """Decaying harmonic notes below 8 kHz, ``[C, T]``."""
    from scipy.signal import butter, sosfilt

    time = np.arange(round(seconds * MODEL_RATE)) / MODEL_RATE
    out = [
        sum(
            np.sin(2 * np.pi * hz * k * time) / k * np.exp(-3 * (time % 0.5))
            for k in range(1, 6)
            for hz in (110 * (c + 1), 165)
        )
        for c in range(channels)
    ]
    low = butter(8, 8_000, fs=MODEL_RATE, output="sos")
    return np.asarray(sosfilt(low, np.stack(out)) * 0.1, np.float32)


def decibels(error: Signal, of: Signal) -> float:
    return float(20 * np.log10(np.abs(error).max() / np.abs(of).max() + 1e-12))


@pytest.mark.parametrize("kind", ["WaveNet", "LSTM", "Linear"])
def test_a_capture_is_a_tone(tmp_path: Path, kind: str) -> None:
    tone = Capture.of(write(tmp_path, kind))
    assert isinstance(tone, Tone)
    assert get_tone(tone.path) == tone
    assert tone.name == kind
    assert "a test: Acme, Small (its maker's licence" in tone.description
    again: Tone = pickle.loads(pickle.dumps(tone))
    stem = strings(0.5, 2)
    out = tone.render(stem, 77, LEVEL)
    assert out.shape == stem.shape
    assert out.dtype == np.float32
    assert np.array_equal(out, again.render(stem, 77, LEVEL))
    assert np.array_equal(stem, strings(0.5, 2)), "the stem must not be written to"
    assert decibels(out - stem, stem) > -30, "it changes the sound"


@pytest.mark.parametrize("kind", ["WaveNet", "LSTM"])
def test_the_network_is_the_packages_own(tmp_path: Path, kind: str) -> None:
    """At the network's rate, without levels: what ``nam`` itself computes in one pass."""
    import torch

    path = write(tmp_path, kind)
    loaded = load_network(str(path), "digest")
    playing = player(loaded, 48_000, {})
    signal = strings(3.0)
    assert signal.shape[1] > 2 * PIECE
    with torch.inference_mode():
        own = network(kind).eval()
        if kind == "LSTM":
            own = loaded
        expected = own(torch.from_numpy(signal), pad_start=True).numpy()
    assert np.abs(playing.play(signal) + playing.offset - expected).max() < 1e-5


@pytest.mark.parametrize("kind", ["WaveNet", "LSTM", "Linear"])
@pytest.mark.parametrize("start", [1, 123_457])
def test_a_passage_equals_the_whole_after_its_context(
    tmp_path: Path, kind: str, start: int
) -> None:
    tone = Capture.of(write(tmp_path, kind))
    before, after = tone.context
    whole = strings(4.6)
    useful = 30_011
    expected = tone.render(whole, 0, LEVEL)
    passage = tone.render(whole[:, start : start + before + useful + after], start, LEVEL)
    got = passage[:, before : before + useful]
    wanted = expected[:, start + before : start + before + useful]
    assert np.abs(got - wanted).max() < 1e-5


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_rate_other_than_44100_neither_shifts_nor_bends(tmp_path: Path, rate: int) -> None:
    """One tap of 1: what comes out is the stem, sample for sample where a resampler passes."""
    path = write(
        tmp_path,
        "Linear",
        config={"receptive_field": 3, "bias": False},
        weights=[0.0, 0.0, 1.0],
        sample_rate=rate,
    )
    tone, stem = Capture.of(path), strings(1.5)
    out = tone.render(stem, 12_345, LEVEL)
    gain = float((out * stem).sum() / (stem * stem).sum())
    assert gain == pytest.approx(1.0, abs=0.01)
    inner = slice(3_000, -3_000)
    assert decibels((out / gain - stem)[:, inner], stem) < -100


@pytest.mark.parametrize("kind", ["WaveNet", "LSTM"])
def test_silence_stays_silent_and_a_start_may_be_negative(tmp_path: Path, kind: str) -> None:
    tone = Capture.of(write(tmp_path, kind))
    assert not tone.render(np.zeros((2, 9_000), np.float32), -4_000, LEVEL).any()
    assert not tone.render(np.zeros((1, 9_000), np.float32), 5, float("-inf")).any()
    for length in (0, 1, 2, 63):
        out = tone.render(np.ones((2, length), np.float32), -7, LEVEL)
        assert out.shape == (2, length)
        assert np.isfinite(out).all()
    before, after = tone.context
    stem = strings(1.0)
    early = tone.render(np.pad(stem, ((0, 0), (before, 0))), -before, LEVEL)[:, before:]
    late = tone.render(np.pad(stem, ((0, 0), (before, 0))), MODEL_RATE, LEVEL)[:, before:]
    assert decibels((early - late)[:, 2_000 : early.shape[1] - after], late) < -60
    rest = np.pad(stem, ((0, 0), (0, 3 * MODEL_RATE)))
    assert np.abs(tone.render(rest, 0, LEVEL)[0, -10_000:-5_000]).max() < 1e-5, "no offset at rest"


def test_channels_do_not_meet_and_equal_ones_stay_equal(tmp_path: Path) -> None:
    tone = Capture.of(write(tmp_path, "WaveNet"))
    two = strings(0.5, 2)
    swapped = tone.render(two[::-1].copy(), 0, LEVEL)[::-1]
    assert np.abs(tone.render(two, 0, LEVEL) - swapped).max() < 1e-6
    both = tone.render(two[:1].repeat(2, axis=0), 0, LEVEL)
    assert np.array_equal(both[0], both[1])
    one = tone.render(two[:1], 0, LEVEL - 10 * np.log10(2))
    assert np.abs(one[0] - both[0]).max() < 1e-6, "mono meets the same drive"


def test_the_recorded_level_changes_nothing_but_the_level(tmp_path: Path) -> None:
    tone = Capture.of(write(tmp_path, "WaveNet"))
    loud = strings(0.5)
    quiet = tone.render(loud * np.float32(0.1), 0, LEVEL - 20)
    assert np.abs(quiet * 10 - tone.render(loud, 0, LEVEL)).max() < 1e-5


def test_a_file_that_states_its_input_level_gets_that_level(tmp_path: Path) -> None:
    """Full scale of 12 dBu is what the pedals' reference counts as: 18 dBu is 6 dB less of it."""
    plain = Capture.of(write(tmp_path, "WaveNet"))
    stem = strings(0.5)
    same, lower = plain.render(stem, 0, LEVEL), plain.render(stem, 0, LEVEL + 6.0)
    path = write(tmp_path, "WaveNet", metadata={"input_level_dbu": 12.0})
    assert np.array_equal(Capture.of(path).render(stem, 0, LEVEL), same)
    path = write(tmp_path, "WaveNet", metadata={"input_level_dbu": 18.0})
    softer = Capture.of(path).render(stem, 0, LEVEL)
    shapes = [each / np.abs(each).max() for each in (softer, lower, same)]
    assert np.abs(shapes[0] - shapes[1]).max() < 1e-4
    assert np.abs(shapes[0] - shapes[2]).max() > 1e-3


def test_a_file_of_an_older_version_is_the_same_network(tmp_path: Path) -> None:
    stem = strings(0.5)
    new = Capture.of(write(tmp_path, "WaveNet")).render(stem, 0, LEVEL)
    config = {"layers": [{**LAYERS, **OLD_HEAD}], "head": None, "head_scale": 0.5}
    old = write(tmp_path, "WaveNet", config=config, version="0.5.4", sample_rate=None)
    assert np.array_equal(Capture.of(old).render(stem, 0, LEVEL), new)


def test_a_gated_network_of_an_older_version_has_its_gate(tmp_path: Path) -> None:
    gate = {"name": "PairMultiply", "primary": "Tanh", "secondary": "Sigmoid"}
    assert capture_model._layers({**LAYERS, **OLD_HEAD, "gated": True})["activation"] == gate


def test_of_a_container_the_best_network_is_taken(tmp_path: Path) -> None:
    best = json.loads(write(tmp_path, "WaveNet").read_text())
    models = [{"max_value": 0.5, "model": {}}, {"max_value": 1.0, "model": best}]
    box = {"version": "0.7.0", "architecture": "SlimmableContainer", "weights": []}
    path = tmp_path / "box.nam"
    path.write_text(json.dumps({**box, "config": {"submodels": models}}))
    assert read_definition(str(path)) == best


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = write(tmp_path, "WaveNet")
    first = Capture.of(path).fingerprint()
    moved = tmp_path / "other.nam"
    moved.write_bytes(path.read_bytes())
    assert Capture.of(moved).fingerprint() == first
    write(tmp_path, "WaveNet", metadata={"input_level_dbu": 3.0})
    assert Capture.of(path).fingerprint() != first


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architecture": "Transformer"}, "kind 'Transformer'; there are WaveNet, LSTM, Linear"),
        ({"weights": "many"}, "weights are not a list of numbers"),
        ({"weights": [0.0, float("nan")]}, "weights are not a list of numbers"),
        ({"sample_rate": -1}, "its sample rate is -1"),
    ],
)
def test_a_file_that_cannot_be_played_is_refused_at_once(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(SettingError, match=says) as caught:
        Capture.of(write(tmp_path, "WaveNet", **changes))
    assert "WaveNet.nam" in str(caught.value)


def test_what_is_no_capture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.nam"
    with pytest.raises(SettingError, match=r"a\.nam cannot be read"):
        Capture.of(path)
    path.write_text("{")
    with pytest.raises(SettingError, match="not JSON"):
        Capture.of(path)
    path.write_text("[]")
    with pytest.raises(SettingError, match="lacks 'architecture'"):
        Capture.of(path)


@pytest.mark.parametrize("by", [-5, 5])
@pytest.mark.parametrize("kind", ["WaveNet", "LSTM", "Linear"])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, kind: str, by: int) -> None:
    weights = json.loads(write(tmp_path, kind).read_text())["weights"]
    changed = weights[:by] if by < 0 else weights + [0.0] * by
    tone = Capture.of(write(tmp_path, kind, weights=changed))
    with pytest.raises(SettingError, match=rf"{kind}\.nam.*damaged"):
        _ = tone.context


def test_settings_of_an_unknown_version_are_refused(tmp_path: Path) -> None:
    tone = Capture.of(write(tmp_path, "WaveNet", version="9.1", config={"rings": 3}))
    with pytest.raises(SettingError, match=r"file version 9\.1.*another version"):
        _ = tone.context


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_model, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"pip install 'morphsep\[nam\]'"):
        _ = Capture.of(write(tmp_path, "WaveNet", version="without")).context


def test_the_packages_trainer_is_not_loaded(tmp_path: Path) -> None:
    """Its ``__init__`` needs tkinter and lightning, which a server may lack."""
    path = write(tmp_path, "WaveNet")
    code = (
        "import sys\n"
        "from morphsep.tones.capture.capture import Capture\n"
        f"tone = Capture.of({str(path)!r})\n"
        "assert 'torch' not in sys.modules and 'nam' not in sys.modules\n"
        "tone.context\n"
        "unwanted = {'tkinter', 'pytorch_lightning', 'matplotlib', 'sounddevice'}\n"
        "assert not unwanted & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_a_network_that_is_trained_here_plays_what_it_learned(tmp_path: Path) -> None:
    """By the package's own network and loss: a soft clipper is learned well enough to hear."""
    pytest.importorskip("tkinter")  # the package's export takes its trainer along
    import torch

    made = network("WaveNet", seed=1)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.01)
    rng = np.random.default_rng(0)
    for _ in range(150):
        dry = torch.from_numpy(rng.normal(0, 0.2, (8, 400)).astype(np.float32))
        wanted = torch.tanh(4 * dry) / 2
        got = made(dry, pad_start=False)
        wanted = wanted[:, -got.shape[1] :]
        loss = ((got - wanted) ** 2).sum() / (wanted**2).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.export(tmp_path, basename="clipper")
    stem = strings(1.0)
    stem *= np.float32(0.0886 / np.sqrt(np.mean(stem**2)))
    tone = Capture.of(tmp_path / "clipper.nam")
    before, after = tone.context
    got = tone.render(stem, 0, -18.0 - 10 * np.log10(2))[:, before:-after]
    wanted = np.tanh(4 * stem)[:, before:-after]
    gain = float((got * wanted).sum() / (got * got).sum())
    assert ((gain * got - wanted) ** 2).sum() / (wanted**2).sum() < 0.035, "NAM calls it not bad"
