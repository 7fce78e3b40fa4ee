"""Who is not counted, by the rules that were fixed when the test was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from morphsep.evaluation.listening.answers import Answer
from morphsep.evaluation.listening.design import ListeningTest, Rules, Stimulus
from morphsep.evaluation.listening.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """An answer, and what it was about."""

    listener: str
    trial: str
    question: Question
    stimulus: Stimulus
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A listener who is not counted."""

    listener: str
    reasons: tuple[str, ...]
    """A clause for each rule that was broken."""


def ratings(answers: Sequence[Answer], test: ListeningTest) -> list[Rating]:
    """Checked answers, with what the test's key says about them."""
    questions = {trial.name: trial.question for trial in test.trials}
    return [
        Rating(
            listener=answer.listener,
            trial=answer.trial,
            question=questions[answer.trial],
            stimulus=test.stimuli[answer.stimulus],
            value=float(answer.value),
        )
        for answer in answers
    ]


def screen(rated: Sequence[Rating], test: ListeningTest) -> list[Exclusion]:
    """The listeners who break a rule of the test, sorted by name. They are left out of every
    table: who does not hear one thing, or does not listen, is no witness for another."""
    whole = sum(len(trial.rated) for trial in test.trials)
    unheard = _unheard_anchors(rated, test.rules)
    excluded = []
    for listener, own in sorted(_by_listener(rated).items()):
        reasons = [*_failures(own, test.rules, unheard)]
        if len(own) < test.rules.least_answered * whole:
            reasons.append(f"answered {len(own)} of {whole}")
        if reasons:
            excluded.append(Exclusion(listener=listener, reasons=tuple(reasons)))
    return excluded


def _by_listener(rated: Sequence[Rating]) -> dict[str, list[Rating]]:
    found = defaultdict(list)
    for rating in rated:
        found[rating.listener].append(rating)
    return found


def _failures(own: Sequence[Rating], rules: Rules, unheard: set[str]) -> Iterator[str]:
    """A clause for each rule that one listener breaks."""
    checks = (
        (
            f"hidden reference below {rules.reference_below:g}",
            rules.reference_share,
            [r.value < rules.reference_below for r in own if _is(r, "quality", "truth")],
        ),
        (
            f"7 kHz anchor above {rules.anchor_above:g}",
            rules.anchor_share,
            [
                r.value > rules.anchor_above
                for r in own
                if _is(r, "quality", "anchor 7 kHz") and r.trial not in unheard
            ],
        ),
        (
            f"hidden end off by more than {rules.end_off_by:g}",
            rules.end_share,
            [
                abs(r.value - 100 * r.stimulus.amount) > rules.end_off_by
                for r in own
                if _is(r, "position", "a", "b")
            ],
        ),
        (
            "one guitar taken for two, or two for one",
            rules.fusion_wrong_share,
            [
                r.value != (2 if r.stimulus.role == "two guitars" else 1)
                for r in own
                if _is(r, "fusion", "a", "two guitars")
            ],
        ),
    )
    for what, most, failed in checks:
        if failed and sum(failed) / len(failed) > most:
            yield f"{what} in {sum(failed)} of {len(failed)}, more than {most:.0%}"


def _unheard_anchors(rated: Sequence[Rating], rules: Rules) -> set[str]:
    """Trials in which so many put the 7 kHz anchor high that the filter took away little."""
    by_trial = defaultdict(list)
    for rating in rated:
        if _is(rating, "quality", "anchor 7 kHz"):
            by_trial[rating.trial].append(rating.value > rules.anchor_above)
    return {
        trial for trial, high in by_trial.items() if sum(high) / len(high) > rules.anchor_item_share
    }


def _is(rating: Rating, question: Question, *roles: str) -> bool:
    return rating.question == question and rating.stimulus.role in roles
