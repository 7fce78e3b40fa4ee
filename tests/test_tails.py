"""What happens at the end of a file: tails ring out where that is asked for, and are faded else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import morphsep
from morphsep import audio, manifest
from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.morphing.recipe import build_anew
from morphsep.request import make_settings
from morphsep.request.inputs import collect
from morphsep.run.costs import cost_of
from morphsep.run.verification import verify
from morphsep.storage import location
from morphsep.tones import ToneTraits, get_tone
from morphsep.tones.chain import EffectChain
from morphsep.tones.chain.rack import Pedal
from tests import songs

QUICK = {"separator": "none", "uniform": False, "chunk": 5}


def strings(folder: Path, rate: int = 44_100, channels: int = 2, seconds: float = 6.0) -> Path:
    """A guitar that plays to the last sample of its file."""
    return songs.song(folder, seconds, rate, channels, "FLOAT")


def level(signal: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(signal**2)) + 1e-12))


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (48_000, 1), (22_050, 2)])
def test_a_tail_rings_out_where_that_is_asked_for(tmp_path, rate: int, channels: int) -> None:
    path, out = strings(tmp_path, rate, channels), tmp_path / "out"
    row = morphsep.morph_file(path, out, to="hall", tail="auto", **QUICK)
    before, after = songs.read(path), songs.read(out / row.output)
    assert row.num_samples == before.shape[1]
    assert after.shape == (channels, before.shape[1] + row.tail_samples)
    assert 2.2 < row.tail_samples / rate < 3
    tail = after[:, before.shape[1] :]
    begins, ends = tail[:, : rate // 5], tail[:, -rate // 5 :]
    assert level(begins) > level(before) - 25
    assert level(begins) - level(ends) > 45, "it falls by 60 dB in 2.2 s, and is faded at last"
    assert verify(out) == (1, [])


def test_without_a_tail_the_change_is_faded_and_the_length_kept(tmp_path: Path) -> None:
    path = strings(tmp_path)
    short = morphsep.morph_file(path, tmp_path / "short", to="hall", **QUICK)
    long = morphsep.morph_file(path, tmp_path / "long", to="hall", tail=3, **QUICK)
    before = songs.read(path)
    changes = [songs.read(tmp_path / row.output)[:, : before.shape[1]] - before
               for row in (replace(short, output=f"short/{short.output}"),
                           replace(long, output=f"long/{long.output}"))]  # fmt: skip
    faded, whole = changes
    assert short.tail_samples is None
    assert long.tail_samples == 3 * 44_100
    fade = 13_230
    # the last chunk is as long as the song: its seams lie elsewhere, so not the last bit
    np.testing.assert_allclose(faded[:, : -fade - 1], whole[:, : -fade - 1], atol=1e-5)
    assert level(faded[:, -20:]) < level(whole[:, -fade:]) - 40
    assert abs(level(faded[:, -fade : -fade // 2]) - level(whole[:, -fade : -fade // 2])) < 6


def test_what_does_not_ring_is_not_faded(tmp_path: Path) -> None:
    recipes = {
        (from_, to, amount): build_anew(make_settings(from_=from_, to=to, amount=amount, **QUICK))
        for from_, to, amount in (
            ("as-recorded", "distortion", 1), ("hall", "clean", 1), ("hall", "clean", 0.5),
            ("as-recorded", "hall", 0), ("as-recorded", "ambient", 1),
        )
    }  # fmt: skip
    rings = {names: recipe.ringing > 0 for names, recipe in recipes.items()}
    assert list(rings.values()) == [False, False, True, False, True]
    for recipe in recipes.values():
        auto = build_anew(replace(recipe.settings, tail="auto"))
        assert auto.tail(MODEL_RATE) == recipe.ringing
        assert (auto.key("stem", "morph") == recipe.key("stem", "morph")) == (not recipe.ringing)


@pytest.mark.parametrize("amount", [0, "0:00=1 0:02=0"])
def test_an_amount_of_0_adds_no_tail_and_changes_nothing(tmp_path: Path, amount: object) -> None:
    path = strings(tmp_path, seconds=13.0)
    row = morphsep.morph_file(path, tmp_path / "out", to="hall", amount=amount, **QUICK)
    before, after = songs.read(path), songs.read(tmp_path / "out" / row.output)
    assert after.shape == before.shape
    np.testing.assert_array_equal(after[:, -44_100:], before[:, -44_100:])


@pytest.mark.parametrize("separator", ["none", "harmonic"])
def test_the_tail_does_not_depend_on_the_sections(tmp_path: Path, separator: str) -> None:
    path = strings(tmp_path, seconds=11.0)
    results = []
    for section in (300.0, 5.0):
        out = tmp_path / f"out-{section:g}"
        settings = QUICK | {"separator": separator, "section": section}
        row = morphsep.morph_file(path, out, to="hall", tail=4, **settings)
        results.append(songs.read(out / row.output))
        assert verify(out) == (1, [])
        chunks = manifest.read_chunks(location(out))
        assert chunks[-1].start + chunks[-1].num_samples == 15 * 44_100
    np.testing.assert_array_equal(*results)


def test_another_tail_is_another_result_and_the_same_one_is_not_made_again(tmp_path) -> None:
    path, out = strings(tmp_path), tmp_path / "out"
    first = morphsep.morph_file(path, out, to="hall", tail=1, **QUICK)
    again = morphsep.morph_file(path, out, to="hall", tail=1, **QUICK)
    assert again.finished_ns == first.finished_ns
    longer = morphsep.morph_file(path, out, to="hall", tail=2, **QUICK)
    assert soundfile.info(out / longer.output).frames == longer.num_samples + 2 * 44_100


@pytest.mark.parametrize("to", ["distortion", "hall"])
def test_a_tail_is_one_key_however_it_is_spelt(to: str) -> None:
    def keys(*tails: str, amount: object = 1) -> set[str]:
        made = (make_settings(to=to, tail=tail, amount=amount, **QUICK) for tail in tails)
        return {build_anew(settings).key("stem", "morph") for settings in made}

    assert len(keys("2", "2.0", "2e0", "+2", " 2")) == 1
    assert len(keys("0", "0.0", "-0", "0e3")) == 1
    assert len(keys("0", "0.0", "2", "auto", amount=0)) == 1
    assert len(keys("0", "2", "2.5", "2.5000001")) == 4
    assert len(keys("0", "0.000003")) == 2, "one sample at 192 kHz"


def test_the_room_in_between_rings_out_where_it_is_the_longest(tmp_path: Path) -> None:
    """From no room it begins at 0.4 s, on the way to one of 0.1 s."""
    booth = tmp_path / "booth.yaml"
    booth.write_text("pedals:\n  - Reverberator: {t60_s: 0.1, early_db: -20}\n")
    recipes = [
        build_anew(make_settings(to=str(booth), amount=amount, backend=backend, **QUICK))
        for amount, backend in ((1, "chain"), (0.1, "chain"), (0.1, "crossfade"))
    ]
    at_the_end, between, crossfaded = (recipe.ringing for recipe in recipes)
    assert at_the_end == crossfaded == ToneTraits.of(recipes[0].target).tail
    assert between == recipes[1].backend.context(recipes[1].source, recipes[1].target)[0]
    assert between > at_the_end + 0.2 * MODEL_RATE


def test_a_plugin_is_not_taken_for_a_room() -> None:
    """Nothing tells whether it rings."""
    values = {"mix": 1.0, "path": "amp.vst3", "plugin_name": "", "parameters": ()}
    plugin = Pedal(kind="VST3", settings=tuple(sorted(values.items())))
    hall = get_tone("hall")
    assert isinstance(hall, EffectChain)
    assert replace(hall, pedals=(plugin,)).tail == 0
    assert replace(hall, pedals=(*hall.pedals, plugin)).tail > hall.tail


def test_a_plan_counts_the_tail(tmp_path: Path) -> None:
    path = strings(tmp_path)
    costs = []
    for tail in ("0", "30"):
        settings = make_settings(to="hall", tail=tail, section=6, **QUICK)
        (job,) = collect([str(path)], tmp_path / "out", settings)
        costs.append(cost_of(job, audio.probe(str(path)), path.stat().st_size, "morph"))
    short, long = costs
    assert (short.sections, long.sections) == (1, 6)
    assert long.chunks > short.chunks
    assert long.seconds[long.backend] == pytest.approx(6 * short.seconds[short.backend])
    assert long.seconds["none"] == short.seconds["none"], "the stem is as long as the song"
    assert long.bytes_of_stem == short.bytes_of_stem
    results = [cost.bytes_kept - cost.bytes_of_stem for cost in costs]
    assert results[1] == pytest.approx(6 * results[0], rel=1e-3)


def test_an_array_gets_the_same_tail_as_a_file(tmp_path: Path) -> None:
    path = strings(tmp_path, rate=48_000)
    row = morphsep.morph_file(path, tmp_path / "out", to="hall", tail="auto", **QUICK)
    expected = songs.read(tmp_path / "out" / row.output)
    samples = songs.read(path).astype(np.float32)
    got = morphsep.morph_array(samples, 48_000, to="hall", tail="auto", **QUICK)
    np.testing.assert_array_equal(got, expected.astype(np.float32))
    mono = morphsep.morph_array(samples[0], 48_000, to="hall", tail=1, **QUICK)
    assert mono.shape == (samples.shape[1] + 48_000,)
    kept = morphsep.Morph("as-recorded", "hall", uniform=False)(samples, 48_000, amount=0)
    np.testing.assert_array_equal(kept, samples)


def test_silence_has_no_tail_but_its_length(tmp_path: Path) -> None:
    path = songs.write(tmp_path / "silent.wav", np.zeros((2, 4 * 44_100)), subtype="PCM_16")
    row = morphsep.morph_file(path, tmp_path / "out", to="hall", tail=2, **QUICK)
    after = songs.read(tmp_path / "out" / row.output)
    assert after.shape == (2, 6 * 44_100)
    assert not after.any()
    assert verify(tmp_path / "out") == (1, [])


@pytest.mark.parametrize("tail", ["long", "-1", "61", "nan", ""])
def test_a_tail_that_is_none_is_refused(tail: str) -> None:
    with pytest.raises(SettingError, match=r"--tail is auto, or 0 to 60 seconds"):
        build_anew(make_settings(to="hall", tail=tail, separator="none"))
