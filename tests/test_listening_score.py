"""Scoring a listening test: listeners whose bias is known are recovered, clickers are left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import scipy.stats

from morphsep.errors import SettingError
from morphsep.evaluation.bootstrap import Interval
from morphsep.evaluation.listening import (
    Answer,
    ListeningTest,
    Scores,
    find_results,
    find_test,
    read_answers,
    report,
    score,
    write_tables,
)
from morphsep.evaluation.listening.comparing import agree, cells
from morphsep.evaluation.listening.measuring import measured
from morphsep.evaluation.listening.power import listeners_needed
from morphsep.evaluation.listening.screening import Exclusion, Rating, ratings, screen
from morphsep.evaluation.listening.significance import friedman, holm, wilcoxon
from morphsep.storage import location
from tests import listening
from tests.listening import WORLD, World, clicker, designed, listeners, write_answers

TEST = designed()


def mean(scores: Scores, measure: str, condition: str, transition: str = "all") -> Interval:
    (found,) = (
        row.mean
        for row in scores.scores
        if (row.measure, row.condition, row.transition) == (measure, condition, transition)
    )
    return found


def holds(interval: Interval, value: float) -> bool:
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= value <= interval.high


def test_what_is_true_lies_in_the_intervals() -> None:
    """Eight experiments of fifteen listeners; 95 of 100 intervals should hold what is true."""
    truths = {
        **{("quality", name): value for name, value in WORLD.quality.items()},
        **{("mos", name): value for name, value in WORLD.mos.items()},
        **{("position", name): value for name, value in WORLD.position.items()},
        **{("two guitars heard", name): value for name, value in WORLD.two.items()},
    }
    held = []
    for seed in range(8):
        scores = score(listeners(TEST, 15, seed), TEST)
        assert scores.listeners == 15
        held += [holds(mean(scores, *key), value) for key, value in truths.items()]
    assert len(held) == 8 * 13
    assert np.mean(held) >= 0.9


def test_a_difference_is_found_and_its_size_lies_in_the_interval() -> None:
    true = WORLD.quality["crossfade"] - WORLD.quality["spectral"]
    for seed in range(3):
        scores = score(listeners(TEST, 15, seed), TEST)
        (found,) = (
            row
            for row in scores.comparisons
            if (row.measure, row.first, row.second) == ("quality", "crossfade", "spectral")
        )
        assert holds(found.difference, true)
        assert found.p <= found.p_holm < 0.01
        (agreement,) = (row for row in scores.agreement if row.measure == "quality")
        assert (agreement.conditions, agreement.listeners) == (3, 15)
        assert agreement.p < 0.01


def test_where_nothing_differs_little_is_found() -> None:
    """Thirty experiments without any difference: 5 % of Friedman's tests may find one."""
    same = World(
        quality=WORLD.quality | dict.fromkeys(("crossfade", "spectral"), 50.0),
        mos=dict.fromkeys(WORLD.mos, 3.0),
        position=dict.fromkeys(WORLD.position, 0.5),
        two=dict.fromkeys(WORLD.two, 0.4),
    )
    found = []
    for seed in range(30):
        values = list(measured(ratings(listeners(TEST, 10, seed, world=same), TEST)))
        for measure in ("mos", "two guitars heard"):
            tested = agree(measure, cells(values, measure))
            assert tested is not None
            found.append(tested.p)
    assert np.mean(np.array(found) < 0.05) <= 0.12


def test_who_clicks_anywhere_is_excluded() -> None:
    for seed in range(20):
        answers = [*listeners(TEST, 4, seed), *clicker(TEST, "clicker", seed)]
        (excluded,) = screen(ratings(answers, TEST), TEST)
        assert excluded.listener == "clicker"
        assert any("hidden reference" in reason for reason in excluded.reasons)


def test_who_is_excluded_changes_no_table() -> None:
    careful = listeners(TEST, 4, 0)
    both = score([*careful, *clicker(TEST, "clicker", 0)], TEST)
    assert [each.listener for each in both.excluded] == ["clicker"]
    assert replace(both, excluded=()) == score(careful, TEST)


def changed(
    test: ListeningTest, answers: Sequence[Answer], who: str, change: Callable[..., float]
) -> list[Answer]:
    """Answers of which one listener's are others; `change` gets question, role, item, value."""
    questions = {trial.name: trial.question for trial in test.trials}
    return [
        replace(
            each,
            value=change(
                questions[each.trial],
                test.stimuli[each.stimulus].role,
                int(test.stimuli[each.stimulus].item.split()[1]),
                each.value,
            ),
        )
        if each.listener == who
        else each
        for each in answers
    ]


WIDE = designed(items=20)
"""Of 20 items, 15 % are three."""


@pytest.mark.parametrize(
    ("question", "role", "wrong", "most", "reason"),
    [
        ("quality", "truth", 89, 3, "hidden reference below 90 in 4 of 20, more than 15%"),
        ("quality", "anchor 7 kHz", 91, 3, "7 kHz anchor above 90 in 4 of 20, more than 15%"),
        ("position", "a", 21, 6, "hidden end off by more than 20 in 7 of 40, more than 15%"),
        ("position", "b", 79, 6, "hidden end off by more than 20 in 7 of 40, more than 15%"),
        ("fusion", "a", 2, 10, "one guitar taken for two, or two for one in 11 of 40"),
        ("fusion", "two guitars", 1, 10, "one guitar taken for two, or two for one in 11 of 40"),
    ],
)
def test_each_rule_excludes_beyond_its_share_and_not_at_it(
    question: str, role: str, wrong: float, most: int, reason: str
) -> None:
    right = changed(
        WIDE,
        listeners(WIDE, 5, 0, bias=0),
        "listener 2",
        lambda q, r, _, value: 100.0 * (r == "b") if q == "position" and r in "ab" else value,
    )

    def excluded_with(items: int) -> list[Exclusion]:
        spoilt = changed(
            WIDE, right, "listener 2",
            lambda q, r, item, value: (
                wrong if (q, r) == (question, role) and item < items else value
            ),
        )  # fmt: skip
        return screen(ratings(spoilt, WIDE), WIDE)

    assert not excluded_with(most)
    (excluded,) = excluded_with(most + 1)
    assert excluded.listener == "listener 2"
    assert [each for each in excluded.reasons if each.startswith(reason)] == [*excluded.reasons]


def test_an_anchor_that_nobody_hears_excludes_nobody() -> None:
    """BS.1534-3: items in which more than a quarter of the listeners put the anchor above 90."""
    answers = listeners(WIDE, 8, 0)
    for number in range(3):
        answers = changed(
            WIDE, answers, f"listener {number}",
            lambda q, r, item, value: (
                95.0 if (q, r) == ("quality", "anchor 7 kHz") and item < 10 else value
            ),
        )  # fmt: skip
    assert not screen(ratings(answers, WIDE), WIDE)


def test_who_stops_early_is_excluded() -> None:
    answers = listeners(TEST, 3, 0)
    own = [each for each in answers if each.listener == "listener 1"]
    whole = len(own)
    others = [each for each in answers if each.listener != "listener 1"]
    enough = int(np.ceil(0.9 * whole))
    assert not screen(ratings([*others, *own[:enough]], TEST), TEST)
    (excluded,) = screen(ratings([*others, *own[: enough - 1]], TEST), TEST)
    assert excluded.reasons[-1] == f"answered {enough - 1} of {whole}"


def test_no_listener_left_says_why_and_what_to_do() -> None:
    answers = [*clicker(TEST, "one", 0), *clicker(TEST, "two", 1)]
    with pytest.raises(SettingError, match=r"all 2 are excluded .*one: .*find more listeners"):
        score(answers, TEST)
    with pytest.raises(SettingError, match="no answers yet"):
        score([], TEST)


def test_each_transition_has_rows_of_its_own() -> None:
    test = designed(items=6, transitions=2)
    scores = score(listeners(test, 4, 0), test)
    for name, items in (("all", 6), ("transition 0", 3), ("transition 1", 3)):
        rows = [row for row in scores.scores if row.transition == name]
        assert {row.items for row in rows} == {items}
        assert {row.measure for row in rows} == {
            *("mos", "two guitars heard", "position", "position error", "quality")
        }
    assert {row.transition for row in score(listeners(TEST, 4, 0), TEST).scores} == {"all"}


def test_averages_are_those_of_numpy() -> None:
    answers = listeners(TEST, 5, 3)
    scores = score(answers, TEST)
    questions = {trial.name: trial.question for trial in TEST.trials}
    for condition in ("crossfade", "spectral"):
        own = [
            each.value
            for each in answers
            if questions[each.trial] == "position"
            and TEST.stimuli[each.stimulus].condition == condition
        ]
        (row,) = (r for r in scores.scores if (r.measure, r.condition) == ("position", condition))
        assert (row.listeners, row.items, row.answers, row.amount) == (5, 6, 30, 0.5)
        assert row.mean.value == pytest.approx(np.mean(own) / 100)
        assert row.median is not None
        assert row.median.value == pytest.approx(np.median(own) / 100)
        error = mean(scores, "position error", condition)
        assert error.value == pytest.approx(np.mean(np.abs(np.array(own) / 100 - 0.5)))


def test_an_item_that_lacks_a_condition_is_compared_where_it_can_be() -> None:
    """A backend that failed for one clip: left out of its pairs there, and of nothing else."""
    (gone,) = (
        name for name, s in TEST.stimuli.items() if (s.item, s.condition) == ("item 0", "spectral")
    )
    trials = [
        replace(trial, rated=tuple(name for name in trial.rated if name != gone))
        for trial in TEST.trials
    ]
    test = replace(TEST, trials=tuple(trial for trial in trials if trial.rated))
    scores = score(listeners(test, 6, 0), test)
    rows = {(r.measure, r.condition): r.items for r in scores.scores}
    assert rows["quality", "spectral"] == 5
    assert rows["quality", "crossfade"] == 6
    assert {row.listeners for row in scores.comparisons} == {6}
    assert len(scores.agreement) == 4


def test_the_same_answers_in_any_order_give_the_same_tables() -> None:
    answers = listeners(TEST, 4, 0)
    assert score(answers, TEST).excluded == score(answers[::-1], TEST).excluded
    one, other = score(answers, TEST), score(answers[::-1], TEST)
    assert [row.mean.value for row in one.scores] == pytest.approx(
        [row.mean.value for row in other.scores]
    )
    assert score(answers, TEST) == one


# ---- the tests of significance ----


@pytest.mark.parametrize("size", [1, 2, 6, 12, 40])
def test_wilcoxons_p_is_scipys_exact_one(size: int) -> None:
    differences = np.random.default_rng(size).normal(0.4, 1, size)
    theirs = scipy.stats.wilcoxon(differences, method="exact").pvalue
    assert wilcoxon(differences) == pytest.approx(theirs)


def test_wilcoxons_p_is_exact_with_ties_and_zeros() -> None:
    """Against all ways to give the ranks signs, one by one."""
    differences = [1.0, -1.0, 1.0, 2.0, 2.0, 0.0, 3.0, -2.0, 0.5, 0.0]
    ranks = scipy.stats.rankdata([abs(d) for d in differences if d])
    found = sum(rank for rank, d in zip(ranks, filter(None, differences), strict=True) if d > 0)
    sums = [np.dot(ranks, signs) for signs in product((0, 1), repeat=len(ranks))]
    middle = ranks.sum() / 2
    share = np.mean([abs(each - middle) >= abs(found - middle) for each in sums])
    assert wilcoxon(differences) == pytest.approx(share)


def test_friedmans_test_is_scipys() -> None:
    table = np.random.default_rng(0).normal(size=(12, 4)) + np.array([0, 0, 0.5, 1])
    found = friedman(table)
    assert found == pytest.approx(tuple(scipy.stats.friedmanchisquare(*table.T)))


def test_where_nobody_hears_a_difference_there_is_none() -> None:
    assert wilcoxon([0.0, 0.0, 0.0]) == 1
    assert friedman(np.ones((5, 3))) is None
    assert friedman(np.ones((5, 2))) is None
    assert friedman(np.array([[1.0, 2.0, 3.0]])) is None


def test_holms_correction() -> None:
    assert holm([]) == []
    assert holm([0.01]) == [0.01]
    assert holm([0.5, 0.01, 0.02, 0.9]) == pytest.approx([1.0, 0.04, 0.06, 1.0])


@pytest.mark.parametrize(("spread", "comparisons"), [(0.6, 1), (0.4, 3), (1.0, 6)])
def test_as_many_listeners_as_are_said_find_the_difference(spread: float, comparisons: int) -> None:
    """2000 experiments with a true difference of 0.3: 80 % find it."""
    needed = listeners_needed(0.3, spread, comparisons=comparisons)
    draws = np.random.default_rng(0).normal(0.3, spread, (2000, needed))
    found = scipy.stats.wilcoxon(draws, axis=1, method="asymptotic").pvalue < 0.05 / comparisons
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


def test_the_power_follows_from_the_spread_that_was_found() -> None:
    scores = score(listeners(TEST, 12, 0), TEST)
    spreads = [row.spread for row in scores.comparisons if row.measure == "mos"]
    assert scores.needed is not None
    assert scores.needed.spread == pytest.approx(np.sqrt(np.mean(np.square(spreads))))
    assert scores.needed.listeners == listeners_needed(
        0.3, scores.needed.spread, comparisons=len(spreads)
    )


# ---- files of answers ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A test with the answers of three."""
    TEST.write(location(tmp_path))
    write_answers(tmp_path / "results", listeners(TEST, 3, 0))
    return tmp_path


def read(*places: Path) -> list[Answer]:
    found = find_results([location(place) for place in places])
    return read_answers(found, find_test(found))


def test_a_file_a_folder_and_the_tests_folder_are_read_alike(folder: Path) -> None:
    files = sorted((folder / "results").iterdir())
    assert read(folder) == read(folder / "results") == read(*files)
    assert read(*files, folder, *files) == read(folder)
    assert sorted(map(str, read(folder))) == sorted(map(str, listeners(TEST, 3, 0)))


def test_answers_may_be_joined_in_one_file(folder: Path) -> None:
    files = sorted((folder / "results").iterdir())
    joined = b"\n".join(path.read_bytes() for path in files)
    (folder / "all.jsonl").write_bytes(joined.replace(b"\n", b"\r\n"))
    assert read(folder / "all.jsonl") == read(folder)


def edited(path: Path, number: int, **values: object) -> None:
    lines = path.read_text().splitlines()
    lines[number - 1] = json.dumps(json.loads(lines[number - 1]) | values)
    path.write_text("\n".join(lines) + "\n")


def quality_line(path: Path) -> int:
    questions = {trial.name: trial.question for trial in TEST.trials}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return next(n for n, a in enumerate(lines, 1) if questions[a["trial"]] == "quality")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"test": "0" * 16}, "another test .*score the tests one by one"),
        ({"trial": "t9999"}, "t9999 of this test does not ask about .*as it was written"),
        ({"stimulus": "0" * 16}, "does not ask about 0000000000000000"),
        ({"value": 101}, r"101 is no answer about quality, which is a number from 0 to 100"),
        ({"value": -0.5}, r"-0\.5 is no answer about quality"),
        ({"value": float("nan")}, "nan is no answer"),
        ({"value": "80"}, "'80' is no answer .*mend or delete this line"),
        ({"value": True}, "True is no answer"),
        ({"value": None}, "None is no answer"),
        ({"listener": 5}, "listener must be a text"),
        ({"trial": []}, "trial must be a text"),
        ({"more": 1}, "this is no answer"),
    ],
)
def test_a_line_that_cannot_be_is_named(
    folder: Path, values: dict[str, object], message: str
) -> None:
    path = folder / "results" / "listener 1.jsonl"
    number = quality_line(path)
    edited(path, number, **values)
    with pytest.raises(SettingError, match=message) as refused:
        read(folder)
    assert f"{path}, line {number}: " in str(refused.value)


@pytest.mark.parametrize("value", [0, 6, 2.5])
def test_mos_takes_whole_numbers_from_one_to_five(folder: Path, value: float) -> None:
    path = folder / "results" / "listener 1.jsonl"
    (trial, *_) = (trial.name for trial in TEST.trials if trial.question == "mos")
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if json.loads(line)["trial"] == trial)
    edited(path, number, value=value)
    with pytest.raises(SettingError, match="a whole number from 1 to 5"):
        read(folder)


def test_a_file_that_was_cut_off_says_which_line_to_delete(folder: Path) -> None:
    path = folder / "results" / "listener 1.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    last = data.count(b"\n")
    with pytest.raises(SettingError, match=rf"line {last}: the file is cut off here; delete"):
        read(folder)
    path.write_bytes(data[: data[:-20].rindex(b"\n") + 1])
    assert len(read(folder)) == len(listeners(TEST, 3, 0)) - 1


@pytest.mark.parametrize("junk", [b"\x00\xff\n", b"5\n", b"[]\n", b"{}\n", b"half {\n"])
def test_a_line_in_the_middle_that_is_no_answer_is_named(folder: Path, junk: bytes) -> None:
    path = folder / "results" / "listener 1.jsonl"
    path.write_bytes(junk + path.read_bytes())
    with pytest.raises(SettingError, match="line 1: this is no answer"):
        read(folder)


def test_the_same_listener_twice_is_refused(folder: Path) -> None:
    path = folder / "results" / "listener 1.jsonl"
    copy = folder / "results" / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(
        SettingError, match=r"listener 1 has answered this before, in .*copy\.jsonl"
    ):
        read(folder)


def test_a_listener_who_goes_on_in_another_file_is_one(folder: Path) -> None:
    path = folder / "results" / "listener 1.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:10]))
    (folder / "results" / "later.jsonl").write_text("".join(lines[10:]))
    assert score(read(folder), TEST).listeners == 3


def test_places_without_answers_or_without_a_test_say_what_to_name(
    folder: Path, tmp_path: Path
) -> None:
    for place in (folder / "nothing", folder / "results" / "nobody.jsonl"):
        with pytest.raises(SettingError, match="holds no answers; name files"):
            read(place)
    elsewhere = tmp_path / "far" / "away" / "results"
    (path,) = write_answers(elsewhere, listeners(TEST, 1, 0))
    with pytest.raises(SettingError, match="name its folder with --test"):
        read(path)


# ---- on paper ----


def test_the_report_names_who_is_excluded_and_how_few_there_are() -> None:
    scores = score([*listeners(TEST, 4, 0), *clicker(TEST, "a|b", 1)], TEST)
    text = "\n".join(report(scores))
    assert "Listeners counted: 4; BS.1534-3 asks for 20. Excluded: 1." in text
    assert "| a&#124;b | hidden reference below 90" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert sum(line.startswith("| quality | all | spectral | 0.5 | 4 | 6 | 24 |") for line in rows)
    assert "A difference of 0.3 MOS takes" in text
    enough = "\n".join(report(score(listeners(TEST, 20, 0), TEST)))
    assert "Listeners counted: 20. Excluded: 0." in enough


def test_tables_are_written_as_parquet_and_markdown(tmp_path: Path) -> None:
    scores = score([*listeners(TEST, 4, 0), *clicker(TEST, "clicker", 1)], TEST)
    write_tables(scores, location(tmp_path))
    assert (tmp_path / "scores.md").read_text() == "\n".join(report(scores)) + "\n"
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert len(rows) == len(scores.scores)
    first = scores.scores[0]
    assert (rows[0]["test"], rows[0]["mean"]["value"]) == (TEST.id, first.mean.value)
    assert len(pq.read_table(tmp_path / "comparisons.parquet")) == len(scores.comparisons)
    assert pq.read_table(tmp_path / "excluded.parquet")["listener"].to_pylist() == ["clicker"]


@pytest.mark.parametrize(("count", "items"), [(1, 4), (4, 4), (4, 6), (6, 4)])
def test_few_listeners_and_items_have_no_intervals(count: int, items: int) -> None:
    """Either that are enough have intervals of their own."""
    test = designed(items=items)
    scores = score(listeners(test, count, 0), test)
    assert (mean(scores, "quality", "spectral").low is None) == (max(count, items) < 5)
    assert {row.items for row in scores.comparisons} == {items}


def test_one_listener_is_no_evidence_of_a_difference() -> None:
    scores = score(listeners(TEST, 1, 0), TEST)
    assert scores.needed is None
    assert not scores.agreement
    assert "nan" not in "\n".join(report(scores))


def test_tables_without_rows_have_their_columns(tmp_path: Path) -> None:
    few = replace(score(listeners(TEST, 1, 0), TEST), comparisons=())
    write_tables(few, location(tmp_path / "none"))
    write_tables(score(listeners(TEST, 6, 0), TEST), location(tmp_path / "some"))
    for name in ("scores", "comparisons", "excluded"):
        none, some = (pq.read_schema(tmp_path / of / f"{name}.parquet") for of in ("none", "some"))
        assert none == some
        assert len(none) > 1


@pytest.mark.parametrize("amount", [0.29, 0.3, 0.57, 0.7])
def test_equal_errors_on_both_sides_are_no_difference(amount: float) -> None:
    """Ratings 20 above and 20 below an amount are equally wrong, whatever floats make of it."""
    stimulus = next(s for s in TEST.stimuli.values() if s.role == "morph")
    errors = [
        found.value
        for off in (20, -20)
        for found in measured(
            [
                Rating(
                    listener="one", trial="t", question="position",
                    stimulus=replace(stimulus, amount=amount), value=100 * amount + off,
                )
            ]
        )
        if found.measure == "position error"
    ]  # fmt: skip
    assert errors == [0.2, 0.2]


def test_rounding_alone_is_no_difference() -> None:
    noise = [1e-16, 2e-16, -1e-17, 3e-16, 1e-16, 2e-16]
    assert wilcoxon(noise) == 1
    assert friedman(np.ones((6, 3)) + np.outer(noise, [0, 1, 2]) * 10) is None


def test_synthetic_listeners_live_here_only() -> None:
    """They are no people: what makes them is no part of the program."""
    sources = Path(listening.__file__).parents[1] / "morphsep"
    assert not [path for path in sources.rglob("*.py") if "tests.listening" in path.read_text()]
