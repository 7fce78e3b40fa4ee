"""Captures of GuitarML's tools: their network, their knob, what is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsep.backends.backend import Passage
from morphsep.backends.chain import Chain
from morphsep.dsp.signal import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.morphing.plugins import build_backend
from morphsep.request.settings import make_settings
from morphsep.testing import plucked
from morphsep.tones.capture.device import Device, load_device
from morphsep.tones.capture.lstm import CUTOFF
from morphsep.tones.catalogue import get_tone, is_recording
from morphsep.tones.reference_level import to_reference
from morphsep.tones.tone import Tone
from tests.guitarml_captures import definition, write_capture

LEVEL = -18.0
GUITAR = (0.3 * plucked(MODEL_RATE))[None].astype(np.float32)


def torch_plays(found: dict[str, Any], sound: Signal, knob: Signal, rate: int) -> Signal:
    """What torch's own LSTM makes of samples ``[T]``, and scipy's high-pass of that."""
    import torch
    from scipy.signal import lfilter

    state = {k: torch.tensor(v, dtype=torch.float64) for k, v in found["state_dict"].items()}
    inputs = torch.tensor(np.stack([sound, knob], 1)[:, : found["model_data"]["input_size"]])
    network = torch.nn.LSTM(inputs.shape[1], state["lin.weight"].shape[1]).double()
    network.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("rec.")})
    with torch.inference_mode():
        hidden = network(inputs.double())[0]
        out = hidden @ state["lin.weight"][0] + state.get("lin.bias", 0.0)
    made = out.numpy() + sound * found["model_data"]["skip"]
    pole = np.exp(-2 * np.pi * CUTOFF / rate)
    return np.asarray(lfilter([pole, -pole], [1, -pole], made))


def device(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Device:
    found = definition()
    if change:
        change(found)
    path = folder / "amp.json"
    path.write_text(json.dumps(found))
    return load_device(str(path))


def tone(folder: Path, gain: float) -> Tone:
    path = folder / "amp.json"
    return get_tone(f"{path if path.exists() else write_capture(path)}@gain={gain}")


@pytest.mark.parametrize("cells", [1, 4, 6, 11])
@pytest.mark.parametrize("knob", [True, False])
@pytest.mark.parametrize("skip", [0, 1])
def test_the_network_is_torchs(tmp_path: Path, cells: int, knob: bool, skip: int) -> None:
    def change(found: dict[str, Any]) -> None:
        found.update(definition(knob=knob, cells=cells, seed=cells))
        found["model_data"]["skip"] = skip
        if cells == 4:
            found["model_data"]["bias_fl"] = False
            del found["state_dict"]["lin.bias"]

    network = device(tmp_path, change).network
    assert network.has_knob == knob
    turned = np.linspace(0, 1, GUITAR.size, dtype=np.float32)
    made = network.play(GUITAR[0], turned, network.rest())
    found = json.loads((tmp_path / "amp.json").read_text())
    expected = torch_plays(found, GUITAR[0], turned, MODEL_RATE)
    assert np.abs(made - expected).max() < 2e-5 * np.abs(expected).max()
    state, cuts = network.rest(), np.split(np.arange(GUITAR.size), [1, 2, 999, 20_000])
    parts = [network.play(GUITAR[0, cut], turned[cut], state) for cut in cuts]
    assert np.array_equal(np.concatenate(parts), made), "in pieces, sample for sample the same"


def test_a_network_that_drives_itself_hard_has_no_wrong_numbers(tmp_path: Path) -> None:
    """Where the hyperbolic tangent has long come to its end."""

    def change(found: dict[str, Any]) -> None:
        weights = np.array(found["state_dict"]["rec.weight_ih_l0"]) * 1e4
        found["state_dict"]["rec.weight_ih_l0"] = weights.tolist()

    network = device(tmp_path, change).network
    made = network.play(GUITAR[0], np.ones(GUITAR.size, np.float32), network.rest())
    found = json.loads((tmp_path / "amp.json").read_text())
    expected = torch_plays(found, GUITAR[0], np.ones(GUITAR.size), MODEL_RATE)
    assert np.isfinite(made).all()
    assert np.median(np.abs(made - expected)) < 1e-4


def test_a_capture_is_a_tone(tmp_path: Path) -> None:
    made = tone(tmp_path, 0.25)
    assert isinstance(made, Tone)
    assert made.name == "amp@gain=0.25"
    assert "its gain at 0.25 (its maker's licence)" in made.description
    assert not is_recording(f"{tmp_path / 'amp.json'}@gain=0.25")
    stem = GUITAR.repeat(2, axis=0) * np.float32([[1], [0.5]])
    out = made.render(stem, 77, LEVEL)
    assert out.shape == stem.shape
    assert out.dtype == np.float32
    assert np.array_equal(out, pickle.loads(pickle.dumps(made)).render(stem, 77, LEVEL))
    assert np.abs(out - stem).max() > 0.01, "it changes the sound"
    assert not made.render(stem * 0, 0, LEVEL).any()
    assert not made.render(stem[:, :0], 0, LEVEL).size


def test_the_knob_changes_the_sound_and_not_the_loudness(tmp_path: Path) -> None:
    rms = []
    for gain in (0.0, 0.37, 1.0):
        out = tone(tmp_path, gain).render(GUITAR, 0, LEVEL)
        rms.append(20 * np.log10(np.sqrt(np.mean(np.square(out)))))
    assert np.ptp(rms) < 3
    shapes = [tone(tmp_path, gain).render(GUITAR, 0, LEVEL) for gain in (0.0, 1.0)]
    assert np.corrcoef(*(each[0] for each in shapes))[0, 1] < 0.995


def test_what_is_played_again_is_not_the_callers_array(tmp_path: Path) -> None:
    made = tone(tmp_path, 0.25)
    first = made.render(GUITAR, 0, LEVEL)
    expected = first.copy()
    first[:] = 0
    assert np.array_equal(made.render(GUITAR, 0, LEVEL), expected)
    assert not np.array_equal(made.render(GUITAR * np.float32(0.9), 0, LEVEL), expected)


def test_half_way_is_where_a_knob_stands_unless_told(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "amp.json")
    assert get_tone(str(path)) == get_tone(f"{path}@gain=0.5")
    plain = get_tone(str(write_capture(tmp_path / "plain.json", knob=False)))
    assert plain.name == "plain"
    assert np.abs(plain.render(GUITAR, 0, LEVEL)).max() > 0.01


def test_the_fingerprint_follows_content_and_knob(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "amp.json")
    first = get_tone(f"{path}@gain=0.1").fingerprint()
    assert get_tone(f"{path}@gain=0.2").fingerprint() != first
    moved = tmp_path / "other.json"
    moved.write_bytes(path.read_bytes())
    assert get_tone(f"{moved}@gain=0.1").fingerprint() == first
    write_capture(path, seed=5)
    assert get_tone(f"{path}@gain=0.1").fingerprint() != first


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_passage_equals_the_whole_after_its_context(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "amp.json"
    found = definition()
    found["model_data"]["sample_rate"] = rate
    path.write_text(json.dumps(found))
    made = get_tone(f"{path}@gain=0.9")
    before, after = made.context
    whole, start, useful = np.tile(GUITAR, 4), 30_011, 20_001
    expected = made.render(whole, 0, LEVEL)[:, start + before :][:, :useful]
    passage = made.render(whole[:, start : start + before + useful + after], start, LEVEL)
    assert np.abs(passage[:, before:][:, :useful] - expected).max() < 1e-5


def test_a_rate_other_than_44100_neither_shifts_nor_bends(tmp_path: Path) -> None:
    """A network of which only the way around it is left: what comes out is what went in."""
    found = definition()
    found["state_dict"] |= {"lin.weight": np.zeros((1, 5)).tolist(), "lin.bias": [0.0]}
    found["model_data"]["samplerate"] = 48_000.0
    path = tmp_path / "amp.json"
    path.write_text(json.dumps(found))
    (out,) = get_tone(str(path)).render(GUITAR, 12_345, LEVEL)
    expected = torch_plays(found, GUITAR[0], GUITAR[0], MODEL_RATE)
    gain = float((out * expected).sum() / (expected * expected).sum())
    assert gain == pytest.approx(1.0, abs=0.05)
    inner = slice(3_000, -3_000)
    assert np.abs(out / gain - expected)[inner].max() < 0.02 * np.abs(expected).max()


def passage(folder: Path, amount: Signal, ends: tuple[float, float] = (0.2, 1.0)) -> Passage:
    return Passage(
        stem=GUITAR, start=0, amount=amount.astype(np.float32), level=LEVEL,
        source_tone=tone(folder, ends[0]), target_tone=tone(folder, ends[1]),
    )  # fmt: skip


def test_the_amount_turns_the_knob_sample_by_sample(tmp_path: Path) -> None:
    """What `chain` plays is the network with the knob really moving, from none of two ends."""
    amount = np.clip(np.linspace(0.05, 0.95, GUITAR.size), 0.1, 0.9)
    given = passage(tmp_path, amount)
    (made,) = Chain().morph([given])
    found = json.loads((tmp_path / "amp.json").read_text())
    gain = to_reference(LEVEL, 1)
    turned = 0.2 + 0.8 * given.amount
    expected = torch_plays(found, GUITAR[0] * np.float32(gain), turned, MODEL_RATE)
    played = load_device(str(tmp_path / "amp.json"))
    level = np.exp(np.interp(turned, np.linspace(0, 1, 33), played.gains)) / gain
    assert np.abs(made[0] - expected * level).max() < 1e-4 * np.abs(made).max()


def test_a_constant_amount_is_the_tone_at_that_knob(tmp_path: Path) -> None:
    (made,) = Chain().morph([passage(tmp_path, np.full(GUITAR.size, 0.25))])
    assert np.array_equal(made, tone(tmp_path, 0.4).render(GUITAR, 0, LEVEL))
    for amount, gain in ((0.0, 0.2), (1.0, 1.0)):
        (end,) = Chain().morph([passage(tmp_path, np.full(GUITAR.size, amount))])
        assert np.array_equal(end, tone(tmp_path, gain).render(GUITAR, 0, LEVEL))


def test_two_captures_are_no_pair_for_the_chain(tmp_path: Path) -> None:
    """No mix of two sounds is called an in-between: `auto` takes spectral there."""
    other = get_tone(str(write_capture(tmp_path / "other.json", seed=3)))
    settings = make_settings(to="fuzz", backend="auto", separator="none")
    for source in (get_tone("as-recorded"), get_tone("fuzz"), other):
        with pytest.raises(SettingError, match="cannot come in little by little"):
            Chain().context(source, tone(tmp_path, 1.0))
        assert build_backend(settings, source, tone(tmp_path, 1.0)).name == "spectral"
    assert build_backend(settings, tone(tmp_path, 0.0), tone(tmp_path, 1.0)).name == "chain"


def test_a_capture_stands_in_a_chain_of_pedals(tmp_path: Path) -> None:
    write_capture(tmp_path / "amp.json")
    rig = tmp_path / "rig.yaml"
    rig.write_text("pedals:\n  - Capture: {capture_filename: amp.json, gain: 0.4}\n")
    assert np.array_equal(
        get_tone(str(rig)).render(GUITAR, 0, LEVEL), tone(tmp_path, 0.4).render(GUITAR, 0, LEVEL)
    )


@pytest.mark.parametrize(
    ("pedal", "says"),
    [
        ("Capture", "needs capture_filename"),
        ("Capture: {capture_filename: plain.json, gain: 0.3}", "captured without a knob"),
        ("Capture: {capture_filename: amp.json, gain: 1.3}", r"gain.*1\.3 is out of range 0 to 1"),
        ("Capture: {capture_filename: rig.yaml}", "not JSON"),
    ],
)
def test_a_pedal_that_cannot_be_played_is_named(tmp_path: Path, pedal: str, says: str) -> None:
    write_capture(tmp_path / "amp.json")
    write_capture(tmp_path / "plain.json", knob=False)
    rig = tmp_path / "rig.yaml"
    rig.write_text(f"pedals:\n  - {pedal}\n")
    with pytest.raises(SettingError, match=rf"line 2: pedal 1 \(Capture\).*{says}"):
        get_tone(str(rig))


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("@gain=1.01", "gain is a number from 0 to 1"),
        ("@gain=-0.1", "gain is a number from 0 to 1"),
        ("@gain=nan", "gain is a number from 0 to 1"),
        ("@gain=full", "gain is a number from 0 to 1"),
        ("@gain", "gain is a number from 0 to 1"),
        ("@treble=0.5", r"has no knob 'treble'; it has gain: .*amp\.json@gain=0\.5"),
        ("@", "has no knob ''; it has gain"),
    ],
)
def test_a_knob_that_cannot_be_turned_so_is_refused(tmp_path: Path, said: str, says: str) -> None:
    path = write_capture(tmp_path / "amp.json")
    with pytest.raises(SettingError, match=says):
        get_tone(f"{path}{said}")


def test_a_capture_without_a_knob_has_none_to_turn(tmp_path: Path) -> None:
    path = write_capture(tmp_path / "plain.json", knob=False)
    with pytest.raises(SettingError, match=r"without a knob: name it without @gain=0\.5"):
        get_tone(f"{path}@gain=0.5")


MODEL: dict[str, tuple[Any, str]] = {
    "model": ("ConvSimpleRNN", "its model is 'ConvSimpleRNN'; 'SimpleRNN' is played"),
    "unit_type": ("GRU", "its unit_type is 'GRU'; 'LSTM' is played"),
    "num_layers": (2, "its num_layers is 2; 1 is played"),
    "input_size": (3, "its input_size is 3; 1 or 2 is played"),
    "output_size": (2, "its output_size is 2"),
    "skip": (True, "its skip is True; 0 or 1 is played"),
    "bias_fl": (None, "its bias_fl is None"),
    "hidden_size": (0, "its hidden_size is 0"),
    "sample_rate": (0, "its sample_rate is 0"),
    "clip_position": (1, "has clip_position, which is not known"),
}


@pytest.mark.parametrize("field", MODEL)
def test_another_network_is_refused(tmp_path: Path, field: str) -> None:
    value, says = MODEL[field]
    with pytest.raises(SettingError, match=says) as caught:
        device(tmp_path, lambda found: found["model_data"].update({field: value}))
    assert "amp.json is not a playable amp capture" in str(caught.value)


TENSORS: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"lin.bias": None}, "lin.bias too many or few"),
    "another layer": ({"rec.bias_hh_l1": [0.0] * 20}, "rec.bias_hh_l1 too many or few"),
    "turned": ({"lin.weight": [[0.0]] * 5}, r"lin\.weight has the shape \(5, 1\), not \(1, 5\)"),
    "ragged": ({"lin.weight": [[0.0], [0.0, 1.0]]}, "lin.weight is no array of numbers"),
    "text": ({"lin.bias": ["1.0"]}, "lin.bias is no array of numbers"),
    "truth": ({"lin.bias": [True]}, "lin.bias is no array of numbers"),
    "nothing": ({"lin.bias": [float("nan")]}, "lin.bias has values that are no numbers"),
    "too large": ({"lin.bias": [1e300]}, "lin.bias has values that are no numbers"),
}


@pytest.mark.parametrize("case", TENSORS)
def test_weights_of_another_layout_are_refused(tmp_path: Path, case: str) -> None:
    changes, says = TENSORS[case]

    def change(found: dict[str, Any]) -> None:
        tensors = found["state_dict"] | changes
        found["state_dict"] = {k: v for k, v in tensors.items() if v is not None}

    with pytest.raises(SettingError, match=says):
        device(tmp_path, change)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "lacks 'model_data'"),
        ('{"model_data": 1, "state_dict": {}}', "lacks 'model_data'"),
        ('{"in_shape": [null, null, 1], "layers": []}', r"RTNeural \(AIDA-X\)"),
        ('{"architecture": "LSTM", "config": {}}', r"has to end in \.nam"),
    ],
)
def test_what_is_no_capture_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "amp.json"
    path.write_text(text)
    with pytest.raises(SettingError, match=says) as caught:
        get_tone(str(path))
    assert "amp.json" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"amp\.json cannot be read"):
        get_tone(f"{tmp_path / 'amp.json'}@gain=0.5")
