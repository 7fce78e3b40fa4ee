"""Amounts that follow the playing."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.stats import spearmanr
from threadpoolctl import threadpool_info, threadpool_limits

import morphsep
from morphsep.api import morph_array
from morphsep.dsp import MODEL_RATE, ArrayReader, Signal
from morphsep.errors import SettingError
from morphsep.following import HOP, follow
from morphsep.following.conditioning import ahead, slewed, smoothed, with_hysteresis
from morphsep.following.pitch import pitches
from morphsep.following.points import thinned
from morphsep.morphing import EstimateFacts, StemFacts, amounts, build, with_curve
from morphsep.request import Curve, Following, make_settings, parse_amount, parse_following
from tests.commands import invoke

SETTINGS = {"to": "overdrive", "separator": "none", "backend": "chain", "uniform": False}
Floats = np.ndarray


def tone(seconds: float, hertz: float | Floats = 220.0, partials: int = 6) -> Signal:
    """A steady tone with falling partials, ``[1, T]``; `hertz` may be one value a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * MODEL_RATE))) / MODEL_RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, partials + 1))
    return np.asarray(0.2 * sound, np.float32)[None]


def plucks(times: list[float], seconds: float) -> Signal:
    """Decaying notes, ``[1, T]``."""
    sound = np.zeros((1, round(seconds * MODEL_RATE)), np.float32)
    note = tone(0.5) * np.exp(-np.arange(MODEL_RATE // 2) / 4000).astype(np.float32)
    for time in times:
        at = round(time * MODEL_RATE)
        sound[:, at : at + note.shape[1]] += note[:, : sound.shape[1] - at]
    return sound


def curve_of(text: str, sound: Signal) -> Curve:
    asked = parse_amount(text)
    assert isinstance(asked, Following)
    return follow(asked, ArrayReader(sound, MODEL_RATE).read, sound.shape[1])


def values(text: str, sound: Signal) -> Floats:
    """The curve every 10 ms."""
    return curve_of(text, sound).at(0, sound.shape[1])[::HOP].astype(np.float64)


def faded(decibels: Floats) -> Signal:
    return tone(len(decibels) / MODEL_RATE) * (10 ** (decibels / 20)).astype(np.float32)


@pytest.mark.parametrize("seconds", [3, 12])
def test_on_a_crescendo_the_amount_has_the_rank_of_the_level_and_no_lag(seconds: int) -> None:
    level = np.linspace(-36, -6, seconds * MODEL_RATE)
    amount = values("follow level 0.1..0.9 attack=10ms release=300ms", faded(level))
    level = level[::HOP]
    assert spearmanr(amount, level)[0] >= 0.98
    low, high = np.percentile(level, (5, 95))
    inner = (amount > 0.15) & (amount < 0.85)
    meant = (0.1 + 0.8 * (level - low) / (high - low))[inner]
    slope = 0.8 / (high - low) * 30 / seconds
    assert np.abs((meant - amount[inner]) / slope).max() < 0.020


def test_a_stroke_is_met_within_20_ms_and_let_go_slowly() -> None:
    sound = tone(3.0)
    sound[:, :MODEL_RATE] *= 0.05
    sound[:, 2 * MODEL_RATE :] *= 0.05
    amount = values("follow release=300ms", sound)
    half = int(np.flatnonzero(amount > 0.5)[0])
    assert abs(half - 100) <= 2
    falls = amount[200:]
    assert 10 < int(np.flatnonzero(falls < 0.5)[0]) < 35  # 0.3 s times ln 2, after the frame


@pytest.mark.parametrize("feature", ["level", "brightness", "density", "pitch", "level+pitch"])
@pytest.mark.parametrize("how", ["", " invert"])
def test_where_nothing_sounds_it_rests_at_the_floor(feature: str, how: str) -> None:
    silence = np.zeros((2, 3 * MODEL_RATE), np.float32)
    assert curve_of(f"follow {feature} 0.2..0.7{how}", silence).constant == 0.2


def test_in_a_rest_it_comes_down_to_the_floor_and_stays() -> None:
    sound = np.concatenate((tone(1.0), np.zeros((1, 4 * MODEL_RATE), np.float32)), axis=1)
    sound += 1e-4 * np.random.default_rng(1).standard_normal(sound.shape).astype(np.float32)
    amount = values("follow level 0.2..0.7", sound)
    assert amount[50] > 0.3
    np.testing.assert_allclose(amount[350:], 0.2, atol=1e-3)


def test_bleed_below_the_gate_is_not_followed() -> None:
    sound = tone(4.0)
    sound[:, 2 * MODEL_RATE :] *= 0.01  # -40 dB
    sound[:, 3 * MODEL_RATE :] *= 3
    with_gate, without = (values(f"follow gate={gate}", sound) for gate in ("-20dB", "off"))
    assert with_gate[-60:].max() < 0.05 < without[-60:].max()


def test_of_an_estimated_stem_that_is_only_bleed_nothing_is_followed() -> None:
    sound = tone(3.0)
    facts = StemFacts.of(ArrayReader(sound, MODEL_RATE).read, sound.shape[1], 1)
    stem = facts.stem(ArrayReader(sound, MODEL_RATE).read, sound.shape[1], 1)
    recipe = build(make_settings(**SETTINGS, amount="follow level 0.1..0.9"))
    bleed = EstimateFacts(quality=0.3, shares=[10])
    assert with_curve(recipe, stem, bleed).curve.constant == 0.1
    guitar = EstimateFacts(quality=0.9, shares=[1000])
    assert with_curve(recipe, stem, guitar).curve == with_curve(recipe, stem, None).curve


def test_one_chord_of_an_even_level_is_no_range_to_be_stretched() -> None:
    chord = sum(tone(3.0, hertz, 3) for hertz in (110.0, 138.6, 164.8))
    for feature in ("level", "brightness", "pitch"):
        inner = values(f"follow {feature}", chord)[50:-50]
        assert np.ptp(inner) < 0.4, feature
        assert 0.3 < inner.mean() < 0.7, feature


def test_brightness_and_pitch_and_density_are_followed() -> None:
    bright = np.concatenate([tone(1.0, partials=n) for n in (1, 3, 8, 20)], axis=1)
    steps = [values("follow brightness", bright)[at : at + 40].mean() for at in (50, 150, 250, 350)]
    assert steps == sorted(steps)
    assert steps[-1] - steps[0] > 0.8
    glide = tone(4.0, 110 * 2 ** np.linspace(0, 2, 4 * MODEL_RATE))
    assert spearmanr(values("follow pitch", glide)[20:-20], np.arange(360))[0] > 0.98
    times = [*np.arange(0.2, 4.0, 0.8), *np.arange(4.0, 7.8, 0.16)]
    dense = values("follow density", plucks(times, 8.0))
    assert dense[150:300].max() < 0.3 < 0.8 < dense[500:650].min()


@pytest.mark.parametrize("hertz", [82.4, 196.0, 659.3])
def test_a_pitch_is_right_to_5_cents_and_noise_has_none(hertz: float) -> None:
    frame = tone(0.1, hertz)[None, :, :2048]
    assert pitches(frame)[0] == pytest.approx(12 * np.log2(hertz), abs=0.05)
    noise = np.random.default_rng(2).standard_normal((3, 1, 2048)).astype(np.float32)
    assert np.isnan(pitches(noise)).all()


def test_a_sum_is_the_mean_and_a_minus_turns_a_feature_round() -> None:
    sound = faded(np.linspace(-36, -6, 3 * MODEL_RATE))
    level = values("follow level release=0s", sound)
    turned = values("follow -level release=0s", sound)
    assert turned[:-5] == pytest.approx(1 - level[:-5], abs=0.03)
    both = values("follow level + 3*pitch release=0s", sound)  # one note: its pitch counts as 0.5
    inner = slice(20, -20)
    assert both[inner] == pytest.approx(0.25 * level[inner] + 0.75 * 0.5, abs=0.03)


def test_attack_and_release_are_time_constants() -> None:
    step = np.repeat([0.0, 1.0, 0.0], 100)
    made = smoothed(step, attack=10, release=40)
    assert made[109] == pytest.approx(1 - np.exp(-1))
    assert made[239] == pytest.approx(np.exp(-1), rel=1e-3)
    np.testing.assert_array_equal(smoothed(step, 0, 0), step)


def test_look_ahead_hysteresis_and_slew() -> None:
    step = np.repeat([0.0, 1.0, 0.0], 100)
    np.testing.assert_array_equal(np.flatnonzero(ahead(step, 7)), np.arange(93, 200))
    wobbling = 0.5 + 0.04 * np.sin(np.arange(300))
    assert np.ptp(with_hysteresis(wobbling, 0.1)[10:]) == 0
    reached = with_hysteresis(step, 0.1)
    assert (reached[:100].max(), reached[150], reached[250]) == pytest.approx((0, 1, 0))
    assert np.abs(np.diff(slewed(step, 0.02))).max() == pytest.approx(0.02)
    fast = values("follow slew=0.5/s 0..0.5", plucks([1.0], 3.0))
    assert np.abs(np.diff(fast)).max() <= 0.5 / 100 + 0.003


def test_points_that_are_left_out_lie_on_the_lines() -> None:
    rng = np.random.default_rng(3)
    wanted = np.concatenate((np.zeros(50), np.cumsum(rng.normal(0, 0.01, 500)), np.ones(50)))
    kept = thinned(wanted.tolist(), 0.02)
    assert len(kept) < 300
    assert np.abs(np.interp(np.arange(600), kept, wanted[kept]) - wanted).max() <= 0.02 + 1e-12


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("follow loudness", "level, brightness, density, pitch"),
        ("follow: loudness", "level, brightness, density, pitch"),
        ("follow level speed=3", "attack, release, lookahead, hysteresis, slew, gate, curve"),
        ("follow level+0*pitch", "weight above 0"),
        ("follow " + "9" * 400 + "*level", "1000 at most"),
        ("follow level attack=10", "attack=1ms or attack=1s"),
        ("follow level attack=10dB", "attack=1ms or attack=1s"),
        ("follow level attack=fast", "attack=1ms"),
        ("follow level attack=-1ms", "between"),
        ("follow level attack=2h", "attack=1ms"),
        ("follow level release=100s", "between"),
        ("follow level slew=2", "slew=1/s"),
        ("follow level gate=40dB", "between -90dB and 0dB"),
        ("follow level gate=-40", "gate=-50dB"),
        ("follow level hysteresis=0.7", "between 0 and 0.5"),
        ("follow level curve=0", "between 0.1 and 10"),
        ("follow level 0.9..0.1", "invert"),
        ("follow level 0.5..0.5", "smaller first"),
        ("follow level 0..2", "from 0 to 1"),
        ("follow level 0.1..", "range"),
        ("follow level+", "sum of features"),
        ("follow level+level", "once"),
        ("follow 0*level", "above 0"),
        ("follow level pitch", "twice"),
        ("follow attack=1ms attack=2ms", "twice"),
        ("follows level", "not an amount"),
    ],
)  # fmt: skip
def test_a_bad_setting_stops_the_run_and_says_why(text: str, says: str, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    soundfile.write(song, tone(0.2).T, MODEL_RATE)
    with pytest.raises(SettingError, match=says):
        morphsep.morph_file(song, tmp_path / "out", amount=text, **SETTINGS)
    assert not (tmp_path / "out").exists()


def test_text_and_back_in_any_spelling() -> None:
    texts = ("follow", "follow:level", "FOLLOW Level 0..1 attack=0.01s release=300ms gate=-50dB")
    assert {parse_following(text) for text in texts} == {Following()}
    asked = parse_following(
        "follow level - 0.5 * pitch 0,1..0,9 attack=5ms lookahead=30ms hysteresis=0.05 slew=2/s "
        "gate=off curve=2 invert"
    )
    assert asked.terms == (("level", 1.0), ("pitch", -0.5))
    assert (asked.floor, asked.ceiling, asked.attack, asked.gate) == (0.1, 0.9, 0.005, None)
    assert parse_following(str(asked)) == asked
    assert parse_following(str(Following())) == Following()


SWELL = faded(np.linspace(-30, 0, 6 * MODEL_RATE))
SONG = np.concatenate((SWELL, plucks([0.5, 1.0, 4.0], 9.0)), axis=1)
FOLLOW = "follow level+density 0.1..0.9 lookahead=50ms slew=4/s"


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, SONG.T, MODEL_RATE, "FLOAT")
    return path


def test_however_a_track_is_cut_it_is_the_curve_of_its_stem(tmp_path: Path, song: Path) -> None:
    made = []
    for name, how in (("whole", {}), ("cut", {"section": 10.0, "chunk": 5.0})):
        row = morphsep.morph_file(song, tmp_path / name, amount=FOLLOW, **SETTINGS, **how)
        assert row.amount == str(curve_of(FOLLOW, SONG))
        made.append(soundfile.read(tmp_path / name / row.output)[0])
    again = morphsep.morph_file(song, tmp_path / "cut-whole", amount=FOLLOW, **SETTINGS, chunk=5.0)
    np.testing.assert_array_equal(made[1], soundfile.read(tmp_path / "cut-whole" / again.output)[0])
    in_memory = morph_array(SONG, MODEL_RATE, amount=FOLLOW, **SETTINGS)
    np.testing.assert_array_equal(made[0], in_memory[0].astype(np.float64))


def test_of_a_stem_that_is_an_estimate_file_array_and_csv_agree(tmp_path: Path, song: Path) -> None:
    how = SETTINGS | {"separator": "harmonic"}
    row = morphsep.morph_file(song, tmp_path / "out", amount=FOLLOW, **how)
    curve = morphsep.follow_file(song, FOLLOW, separator="harmonic", work_in=tmp_path / "out")
    assert str(curve) == row.amount
    sound, _ = soundfile.read(tmp_path / "out" / row.output)
    in_memory = morph_array(SONG, MODEL_RATE, amount=FOLLOW, **how)
    np.testing.assert_array_equal(sound, in_memory[0].astype(np.float64))


def test_exported_to_a_csv_file_it_is_the_same_curve(tmp_path: Path, song: Path) -> None:
    out = tmp_path / "curve.csv"
    command = ["amount", str(song), FOLLOW, "-o", str(out), "--separator", "none", "--json"]
    command += ["--picture", str(tmp_path / "curve.png")]
    done = invoke(*command)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    curve = parse_amount(str(out))
    assert curve == curve_of(FOLLOW, SONG)
    assert told["points"] == len(curve.points)
    one, other = (
        morph_array(SONG, MODEL_RATE, amount=amount, **SETTINGS) for amount in (FOLLOW, str(out))
    )
    np.testing.assert_array_equal(one, other)


def test_what_it_follows_is_part_of_the_key_and_its_spelling_is_not(
    tmp_path: Path, song: Path
) -> None:
    def key(amount: str) -> str | None:
        return build(make_settings(**SETTINGS, amount=amount)).key("stem", "morph")

    same = {key(text) for text in ("follow", "follow:level attack=10ms", "follow 0..1 level")}
    assert len(same) == 1
    others = ("0..0.9", "pitch", "attack=11ms", "invert", "gate=off", "curve=2", "slew=1/s")
    assert len(same | {key(f"follow {text}") for text in others}) == 1 + len(others)


def test_another_range_takes_the_stem_that_is_there_and_the_same_command_does_nothing(
    tmp_path: Path, song: Path
) -> None:
    out = tmp_path / "out"
    first = morphsep.morph_file(song, out, amount="follow 0..0.5", **SETTINGS)
    kept = list((out / ".morphsep" / "stems").rglob("amounts/*.json"))
    assert len(kept) == 1
    again = morphsep.morph_file(song, out, amount="follow 0..0.5", **SETTINGS)
    assert again.finished_ns == first.finished_ns
    other = morphsep.morph_file(song, out, amount="follow 0..0.6", **SETTINGS)
    assert other.stem_key == first.stem_key
    assert other.amount != first.amount


def test_a_curve_is_taken_with_one_blas_thread_and_once(
    song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more, sums would depend on the machine's cores."""
    seen = []

    def counted(*given: object) -> Curve:
        blas = {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}
        seen.append(blas)
        return follow(*given)

    monkeypatch.setattr(amounts, "follow", counted)
    with threadpool_limits(2, user_api="blas"):
        morph_array(soundfile.read(song, always_2d=True)[0].T, MODEL_RATE,
                    amount="follow level", **SETTINGS)  # fmt: skip
    assert seen == [{1}]


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1, "curve": "loud"}'])
def test_a_kept_curve_that_cannot_be_read_is_taken_again(
    tmp_path: Path, song: Path, content: str
) -> None:
    out = tmp_path / "out"
    first = morphsep.morph_file(song, out, amount="follow", **SETTINGS)
    (kept,) = (out / ".morphsep" / "stems").rglob("amounts/*.json")
    kept.write_text(content)
    again = morphsep.morph_file(song, out, amount="follow", **SETTINGS, tail="1")
    assert again.amount == first.amount


def test_a_silent_song_comes_back_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(3 * MODEL_RATE), MODEL_RATE, "FLOAT")
    row = morphsep.morph_file(path, tmp_path / "out", amount="follow 0..1", tail="auto", **SETTINGS)
    assert (row.amount, row.num_morphed, row.num_chunks) == ("0.0", 0, 1)
    sound, _ = soundfile.read(tmp_path / "out" / row.output)
    np.testing.assert_array_equal(sound, np.zeros(3 * MODEL_RATE))


def test_memory_is_that_of_a_block_however_long_the_song() -> None:
    longest = 0

    def read(start: int, length: int) -> Signal:
        nonlocal longest
        longest = max(longest, length)
        return np.zeros((1, length), np.float32)

    asked = parse_amount("follow level+brightness+density+pitch")
    for seconds in (3, 300):
        follow(asked, read, seconds * MODEL_RATE)
    assert longest < 6 * MODEL_RATE
