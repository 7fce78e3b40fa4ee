"""Building a listening test: what listeners hear, and that nothing tells them what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from morphsep.dsp import LoudnessMeter, TruePeakMeter
from morphsep.errors import SettingError
from morphsep.evaluation.listening import QUESTIONS, Made, Plan, Trial, make, read_test
from morphsep.evaluation.listening.anchors import low_passed
from morphsep.evaluation.sounds import Sound, write_sounds
from morphsep.storage import Location, location
from tests.listening import RATE, SECONDS, guitar, rendered

PLAN = Plan()


def made(folder: Path, plan: Plan = PLAN) -> Made:
    return make(location(folder / "eval"), location(folder / "test"), plan)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test in stereo, with a backend that turns the real knob."""
    folder = tmp_path_factory.mktemp("listening")
    rendered(folder / "eval", backends=("chain", "spectral", "crossfade"), channels=2)
    made(folder)
    return folder


def trials(folder: Path, question: str) -> list[Trial]:
    return [t for t in read_test(location(folder / "test")).trials if t.question == question]


def heard(folder: Path, name: str) -> np.ndarray:
    sound, rate = soundfile.read(folder / "test" / "stimuli" / f"{name}.flac", always_2d=True)
    assert rate == RATE
    return sound.T


def conditions(folder: Path, trial: Trial) -> list[str]:
    test = read_test(location(folder / "test"))
    return sorted(test.stimuli[name].condition for name in trial.rated)


def test_sounds_are_lossless_equally_long_and_equally_loud(folder: Path) -> None:
    files = list((folder / "test" / "stimuli").iterdir())
    assert {path.stem for path in files} == set(read_test(location(folder / "test")).stimuli)
    for path in files:
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_24", 2)
        assert info.frames == round(SECONDS * RATE)
        meter, peaks = LoudnessMeter(RATE, 2), TruePeakMeter(2)
        sound = heard(folder, path.stem).astype(np.float32)
        meter.add(sound)
        peaks.add(sound)
        assert meter.integrated() == pytest.approx(-23, abs=0.05)
        assert peaks.peak <= 10 ** (-1 / 20)
        assert np.abs(sound[:, [0, -1]]).max() < 1e-4


def test_nothing_that_a_listener_sees_tells_what_a_sound_is(folder: Path) -> None:
    seen = (folder / "test" / "test.json").read_text()
    known = json.loads((folder / "test" / "key.json").read_text())["stimuli"].values()
    told = {each[name] for each in known for name in ("item", "transition", "backend")} - {""}
    assert {"spectral", "crossfade", "clean-to-high-gain"} <= told
    names = seen + " ".join(str(path) for path in (folder / "test" / "stimuli").iterdir())
    assert not [text for text in told | {"truth", "anchor", "hidden"} if text in names]


def test_quality_has_the_truth_hidden_and_open_the_anchors_and_the_crossfade(folder: Path) -> None:
    found = trials(folder, "quality")
    assert len(found) == 2
    test = read_test(location(folder / "test"))
    for trial in found:
        asked = ["anchor 3.5 kHz", "anchor 7 kHz", "crossfade", "spectral", "truth"]
        assert conditions(folder, trial) == asked
        by_role = {test.stimuli[name].condition: name for name in trial.rated}
        (reference,) = trial.open.values()
        assert reference not in trial.rated
        hidden = heard(folder, by_role["truth"])
        assert np.array_equal(hidden, heard(folder, reference))
        assert np.abs(hidden - heard(folder, by_role["spectral"])).max() > 0.005


def test_a_backend_that_is_the_truth_is_left_out_and_said(tmp_path: Path) -> None:
    rendered(tmp_path / "eval", backends=("chain", "spectral"))
    assert dict(made(tmp_path).left_out) == {
        "chain: the true in-between itself": 2,
        "no crossfade: nothing to be better than": 2,
    }


def test_an_anchor_that_takes_nothing_away_is_left_out_and_said(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval")
    for row in (row for row in rows if row.role == "truth"):
        low = low_passed(0.5 * guitar(110.0, 0.5).T.astype(np.float32), 3000)
        soundfile.write(tmp_path / "eval" / row.path, low.T, RATE, "PCM_24")
    done = made(tmp_path)
    assert not any(stimulus.role.startswith("anchor") for stimulus in done.test.stimuli.values())
    for name in ("anchor 3.5 kHz", "anchor 7 kHz"):
        assert done.left_out[f"{name}: the true in-between itself"] == 2


def test_position_has_both_ends_hidden_and_open(folder: Path) -> None:
    found = trials(folder, "position")
    assert len(found) == 2
    test = read_test(location(folder / "test"))
    for trial in found:
        assert conditions(folder, trial) == ["a", "b", "crossfade", "spectral", "truth"]
        assert list(trial.open) == ["A", "B"]
        by_role = {test.stimuli[name].role: name for name in trial.rated}
        for label, role in (("A", "a"), ("B", "b")):
            assert trial.open[label] != by_role[role]
            assert np.array_equal(heard(folder, trial.open[label]), heard(folder, by_role[role]))


def test_fusion_has_one_and_two_guitars_to_check_with(folder: Path) -> None:
    found = trials(folder, "fusion")
    assert all(len(trial.rated) == 1 for trial in found)
    asked = sorted(name for trial in found for name in conditions(folder, trial))
    assert asked == sorted(2 * ["a", "crossfade", "spectral", "truth", "two guitars"])


def test_two_guitars_are_the_first_ends_of_two_sources_equally_loud(folder: Path) -> None:
    """What is left of the mix by least squares in the two is next to nothing."""
    test = read_test(location(folder / "test"))
    by_role = {(s.role, s.item): n for n, s in test.stimuli.items() if not s.is_open}
    items = sorted({item for _, item in by_role})
    mix, *parts = (
        heard(folder, by_role[key]).ravel()
        for key in (("two guitars", items[0]), ("a", items[0]), ("a", items[1]))
    )
    gains, *_ = np.linalg.lstsq(np.array(parts).T, mix, rcond=None)
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)
    assert np.abs(mix - gains @ np.array(parts)).max() < 1e-5


def test_mos_asks_about_in_betweens_one_by_one(folder: Path) -> None:
    asked = sorted(name for trial in trials(folder, "mos") for name in conditions(folder, trial))
    assert asked == sorted(2 * ["crossfade", "spectral", "truth"])


def test_without_a_truth_quality_is_not_asked_about_and_that_is_said(tmp_path: Path) -> None:
    rendered(tmp_path / "eval", has_truth=False)
    done = made(tmp_path)
    assert {trial.question for trial in done.test.trials} == {"mos", "fusion", "position"}
    assert done.left_out["no true in-between: quality is not asked about"] == 2


def test_with_one_source_there_is_no_second_guitar_and_that_is_said(tmp_path: Path) -> None:
    rendered(tmp_path / "eval", sources=1)
    done = made(tmp_path)
    assert "two guitars" not in {stimulus.role for stimulus in done.test.stimuli.values()}
    assert done.left_out["no item by another source: no two guitars to check listeners with"] == 1


def test_the_same_seed_makes_the_same_test_and_another_seed_another(folder: Path) -> None:
    for name, seed in (("again", 0), ("other", 1)):
        make(location(folder / "eval"), location(folder / name), Plan(seed=seed))

    def content(name: str) -> dict[str, bytes]:
        files = [path for path in (folder / name).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder / name)): path.read_bytes() for path in files}

    assert content("again") == content("test")
    assert not set(content("other")) & set(content("test")) - {"test.json", "key.json"}


def test_each_listener_has_an_order_of_their_own(folder: Path) -> None:
    test = read_test(location(folder / "test"))
    first, second = test.order("one"), test.order("two")
    assert first == test.order("one") != second
    for order in (first, second):
        assert sorted(trial.name for trial in order) == [trial.name for trial in test.trials]
        ranks = [QUESTIONS.index(trial.question) for trial in order]
        assert all(a <= b for a, b in pairwise(ranks))
        by_name = {trial.name: trial for trial in test.trials}
        for trial in order:
            assert sorted(trial.rated) == sorted(by_name[trial.name].rated)
            assert replace(trial, rated=by_name[trial.name].rated) == by_name[trial.name]
    rated = [{t.name: t.rated for t in order if len(t.rated) > 1} for order in (first, second)]
    assert rated[0] != rated[1]


def test_where_a_peak_would_be_too_high_all_are_softer(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval", sources=1)
    (end,) = (row for row in rows if row.role == "b")
    sound, _ = soundfile.read(tmp_path / "eval" / end.path)
    sound *= 0.01
    sound[RATE // 4] = 0.9
    soundfile.write(tmp_path / "eval" / end.path, sound, RATE, "PCM_24")
    done = made(tmp_path)
    assert done.test.lufs < -25
    for name in done.test.stimuli:
        meter = LoudnessMeter(RATE, 1)
        meter.add(heard(tmp_path, name).astype(np.float32))
        assert meter.integrated() == pytest.approx(done.test.lufs, abs=0.1)


def test_items_are_drawn_from_different_sources_and_of_each_transition(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval", sources=2, transitions=("x", "y"), backends=("spectral",))
    more = [replace(row, item=f"{row.item}, again") for row in rows if row.source == "take 0"]
    write_sounds(location(tmp_path / "eval"), [*rows, *more])
    for seed in range(4):
        plan = Plan(seed=seed, questions=("mos",))
        done = make(location(tmp_path / "eval"), location(tmp_path / f"{seed}"), plan)
        drawn = {s.item for s in done.test.stimuli.values()}
        assert len(drawn) == 4
        assert sum(item.startswith("x/1") for item in drawn) == 1
        assert sum(item.startswith("y/1") for item in drawn) == 1


def test_only_what_is_asked_for_is_made(tmp_path: Path) -> None:
    backends = ("spectral", "vocoder", "crossfade")
    rendered(tmp_path / "eval", backends=backends, amounts=(0.1 + 0.2, 0.7))
    plan = Plan(amounts=(0.3,), items=1, backends=("spectral",), questions=("mos",), seconds=0.5)
    done = made(tmp_path, plan)
    found = sorted((s.condition, s.amount) for s in done.test.stimuli.values())
    assert found == [("crossfade", 0.3), ("spectral", 0.3), ("truth", 0.3)]
    assert not done.left_out
    assert done.test.seconds == 0.5
    assert heard(tmp_path, next(iter(done.test.stimuli))).shape == (1, RATE // 2)


def test_sounds_of_another_rate_come_out_at_44100(tmp_path: Path) -> None:
    for row in rendered(tmp_path / "eval", sources=1):
        sound, _ = soundfile.read(tmp_path / "eval" / row.path)
        soundfile.write(tmp_path / "eval" / row.path, sound, 22_050)
    done = made(tmp_path)
    assert done.test.seconds == 2 * SECONDS
    assert heard(tmp_path, next(iter(done.test.stimuli))).shape == (1, 2 * round(SECONDS * RATE))


def silence(folder: Path, row: Sound) -> None:
    soundfile.write(folder / row.path, np.zeros(round(SECONDS * RATE)), RATE)


def test_a_silent_morph_is_left_out_and_said(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval")
    silence(tmp_path / "eval", next(row for row in rows if row.backend == "spectral"))
    done = made(tmp_path)
    assert done.left_out["spectral: silent"] == 1
    assert sum(s.backend == "spectral" for s in done.test.stimuli.values()) == 1


def test_a_silent_guitar_is_no_second_one(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval")
    silence(tmp_path / "eval", next(row for row in rows if row.role == "a"))
    done = made(tmp_path)
    assert "two guitars" not in {stimulus.role for stimulus in done.test.stimuli.values()}


def test_an_item_with_a_silent_end_is_left_out_and_said(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval", sources=3)
    plan = Plan(items=3)
    silent = next(row for row in rows if row.role == "a")
    silence(tmp_path / "eval", silent)
    done = made(tmp_path, plan)
    assert done.items == 2
    assert done.left_out[f"{silent.item}: an end is silent"] == 1


def shorten(folder: Path, row: Sound) -> None:
    sound, _ = soundfile.read(folder / row.path)
    soundfile.write(folder / row.path, sound[:-1], RATE)


def make_lossy(folder: Path, row: Sound) -> None:
    sound, _ = soundfile.read(folder / row.path)
    (folder / row.path).unlink()
    soundfile.write(folder / row.path, sound, RATE, format="OGG")


def spoil_a_sample(folder: Path, row: Sound) -> None:
    sound, _ = soundfile.read(folder / row.path)
    sound[5] = np.nan
    (folder / row.path).unlink()
    soundfile.write(folder / row.path, sound, RATE, format="WAV", subtype="FLOAT")


def break_off(folder: Path, row: Sound) -> None:
    data = (folder / row.path).read_bytes()
    (folder / row.path).write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shorten, "equally long"),
        (make_lossy, "lossy"),
        (break_off, "evaluate again"),
        (spoil_a_sample, "no numbers; evaluate again"),
        (lambda folder, row: (folder / row.path).unlink(), "evaluate again"),
    ],
    ids=["a sample short", "lossy", "broken off", "not a number", "gone"],
)
@pytest.mark.parametrize("role", ["b", "morph", "truth"])
def test_a_sound_that_cannot_be_used_is_named(
    tmp_path: Path, spoil: Callable[[Path, Sound], None], message: str, role: str
) -> None:
    rows = rendered(tmp_path / "eval", sources=1)
    row = next(row for row in rows if row.role == role)
    spoil(tmp_path / "eval", row)
    with pytest.raises(SettingError, match=message) as refused:
        made(tmp_path)
    assert row.path in str(refused.value) or str(row) in str(refused.value)
    assert not (tmp_path / "test" / "test.json").exists()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(seconds=0.7), r"the shortest item has 0\.60 s"),
        (Plan(backends=("vocoder",)), "vocoder was not rendered; there are crossfade, spectral"),
        (Plan(amounts=(0.4,)), r"at amount 0\.4; there are 0\.5"),
        (Plan(amounts=(0.0,)), r"at amount 0; there are 0\.5"),
    ],
)
def test_a_plan_that_cannot_be_says_what_there_is(tmp_path: Path, plan: Plan, message: str) -> None:
    rendered(tmp_path / "eval")
    with pytest.raises(SettingError, match=message):
        made(tmp_path, plan)


def test_nothing_to_ask_about_is_said(tmp_path: Path) -> None:
    rows = rendered(tmp_path / "eval", has_truth=False)
    with pytest.raises(SettingError, match="no true in-between"):
        made(tmp_path, Plan(questions=("quality",)))
    for row in rows:
        silence(tmp_path / "eval", row)
    with pytest.raises(SettingError, match="silent"):
        made(tmp_path)
    write_sounds(location(tmp_path / "eval"), [row for row in rows if row.role != "morph"])
    with pytest.raises(SettingError, match="nothing was rendered at amount"):
        made(tmp_path)


def test_items_too_short_to_judge_are_refused(tmp_path: Path) -> None:
    for row in rendered(tmp_path / "eval", sources=1):
        sound, _ = soundfile.read(tmp_path / "eval" / row.path)
        soundfile.write(tmp_path / "eval" / row.path, sound[:400], RATE)
    with pytest.raises(SettingError, match=r"0\.01 s; listeners need 0\.5 s or more"):
        made(tmp_path)


def test_more_than_listeners_can_compare_is_refused(tmp_path: Path) -> None:
    rendered(tmp_path / "eval", sources=1, backends=[f"backend {n}" * (n + 1) for n in range(10)])
    with pytest.raises(SettingError, match="name fewer backends"):
        made(tmp_path)


def test_a_folder_that_holds_a_test_is_left_alone(folder: Path) -> None:
    before = (folder / "test" / "test.json").read_bytes()
    with pytest.raises(SettingError, match="holds a test already"):
        made(folder, Plan(seed=5))
    assert (folder / "test" / "test.json").read_bytes() == before


def test_a_test_may_lie_in_a_bucket(tmp_path: Path, place: Location) -> None:
    rendered(tmp_path / "eval")
    done = make(location(tmp_path / "eval"), place, Plan(questions=("mos",)))
    assert read_test(place) == done.test
    assert {each.name for each in (place / "stimuli").children(".flac")} == {
        f"{name}.flac" for name in done.test.stimuli
    }


@pytest.mark.parametrize("cutoff", [3500.0, 7000.0])
def test_anchors_are_as_steep_as_the_recommendation_asks(cutoff: float) -> None:
    impulse = np.zeros((1, 8192), np.float32)
    impulse[0, 4096] = 1
    response = 20 * np.log10(np.abs(np.fft.rfft(low_passed(impulse, cutoff)[0])) + 1e-12)
    frequencies = np.fft.rfftfreq(8192, 1 / RATE)
    assert np.abs(response[frequencies <= cutoff]).max() <= 0.1
    assert response[frequencies >= cutoff * 8 / 7].max() <= -25
    assert response[frequencies >= cutoff * 9 / 7].max() <= -50


def test_an_anchor_is_not_delayed() -> None:
    low = np.sin(2 * np.pi * 200 * np.arange(8192) / RATE, dtype=np.float32)[np.newaxis]
    assert np.abs(low_passed(low, 3500) - low)[:, 1000:-1000].max() < 0.001


def spoil(folder: Path, name: str, change: Callable[[dict], object]) -> None:
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("key.json", lambda c: c["rules"].update(reference_below=50), "was changed"),
        ("key.json", lambda c: next(iter(c["stimuli"].values())).update(backend="x"), "changed"),
        ("test.json", lambda c: c["trials"].pop(), "was changed"),
        ("test.json", lambda c: c.update(seconds="a"), "was changed"),
        ("test.json", lambda c: c.update(id="0"), "was changed"),
        ("test.json", lambda c: c.update(format=2), "another version"),
        ("key.json", lambda c: c.pop("rules"), "damaged"),
        ("key.json", lambda c: c["rules"].update(no_rule=5), "damaged"),
        ("test.json", lambda c: c.update(trials=[5]), "damaged"),
    ],
)
def test_a_test_that_was_changed_is_refused(
    tmp_path: Path, folder: Path, name: str, change: Callable[[dict], object], message: str
) -> None:
    for each in ("test.json", "key.json"):
        (tmp_path / each).write_bytes((folder / "test" / each).read_bytes())
    spoil(tmp_path, name, change)
    with pytest.raises(SettingError, match=message):
        read_test(location(tmp_path))


def test_no_test_and_half_a_file_are_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SettingError, match="holds no listening test"):
        read_test(location(tmp_path))
    for each in ("test.json", "key.json"):
        (tmp_path / each).write_bytes((folder / "test" / each).read_bytes()[:-50])
    with pytest.raises(SettingError, match="damaged"):
        read_test(location(tmp_path))
