"""Scoring a listening test: from checked answers to its tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from morphsep.errors import SettingError
from morphsep.evaluation.bootstrap import bootstrap
from morphsep.evaluation.listening.answers import Answer
from morphsep.evaluation.listening.comparing import agree, cells, compare
from morphsep.evaluation.listening.design import ListeningTest
from morphsep.evaluation.listening.measuring import Measured, measured
from morphsep.evaluation.listening.power import needed_after
from morphsep.evaluation.listening.screening import Exclusion, ratings, screen
from morphsep.evaluation.listening.tables import ALL, COMPARED, MEASURES, Score, Scores


def score(answers: Sequence[Answer], test: ListeningTest) -> Scores:
    """Scores answers that `read_answers` has checked. The same answers, the same tables.

    Raises:
        SettingError: no listener is left after exclusion.
    """
    rated = ratings(answers, test)
    excluded = screen(rated, test)
    out = {exclusion.listener for exclusion in excluded}
    values = list(measured(rating for rating in rated if rating.listener not in out))
    if not values:
        raise SettingError(_nobody(excluded))
    found = {measure: cells(values, measure) for measure in COMPARED}
    comparisons = [pair for measure in COMPARED for pair in compare(measure, found[measure])]
    agreement = [agree(measure, found[measure]) for measure in COMPARED]
    return Scores(
        test=test.id,
        listeners=len({value.listener for value in values}),
        excluded=tuple(excluded),
        scores=tuple(_scores(values)),
        comparisons=tuple(comparisons),
        agreement=tuple(each for each in agreement if each),
        needed=needed_after(comparisons),
    )


def _nobody(excluded: Sequence[Exclusion]) -> str:
    """Why there are no tables, and what to do."""
    if not excluded:
        return "there are no answers yet; let listeners take the test first"
    why = "; ".join(f"{each.listener}: {', '.join(each.reasons)}" for each in excluded)
    return (
        f"no listener is left, all {len(excluded)} are excluded by the test's own rules ({why}); "
        "find more listeners, or make a test whose anchors and ends are heard better"
    )


def _scores(values: Sequence[Measured]) -> Iterator[Score]:
    """A row for each condition at each amount, over all transitions and in each."""
    several = len({value.transition for value in values}) > 1
    groups: dict[tuple[int, bool, str, str, float], list[Measured]] = defaultdict(list)
    for value in values:
        measure = MEASURES.index(value.measure)
        groups[measure, False, ALL, value.condition, value.amount].append(value)
        if several:
            key = measure, True, value.transition, value.condition, value.amount
            groups[key].append(value)
    for (_, _, transition, *_), group in sorted(groups.items(), key=lambda pair: pair[0]):
        yield _score(transition, group)


def _score(transition: str, group: Sequence[Measured]) -> Score:
    listeners = [value.listener for value in group]
    items = [value.item for value in group]
    answers = [value.value for value in group]
    first = group[0]
    mean = bootstrap(answers, listeners, items)
    # the middle of noughts and ones says nothing
    is_share = first.measure == "two guitars heard"
    median = None if is_share else bootstrap(answers, listeners, items, statistic="median")
    return Score(
        measure=first.measure,
        transition=transition,
        condition=first.condition,
        amount=first.amount,
        listeners=len(set(listeners)),
        items=len(set(items)),
        answers=len(answers),
        mean=mean,
        median=median,
    )
