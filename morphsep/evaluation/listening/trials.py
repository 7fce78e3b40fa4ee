"""What is asked about the sounds of an item, as trials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from morphsep.errors import SettingError
from morphsep.evaluation.listening.design import Stimulus
from morphsep.evaluation.listening.questions import Question

MOST_RATED = 12
"""BS.1534-3: signals of one trial, the hidden reference and the anchors among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A trial whose stimuli have no names yet."""

    question: Question
    open: Mapping[str, Stimulus]
    rated: Sequence[Stimulus]

    @property
    def stimuli(self) -> list[Stimulus]:
        return [*self.open.values(), *self.rated]


def ask(stimuli: Collection[Stimulus], questions: Collection[Question]) -> Iterator[Asking]:
    """The trials about one item, of whose sounds these are left.

    Raises:
        SettingError: more than `MOST_RATED` sounds would have to be compared.
    """
    askings = {"quality": _quality, "position": _position, "fusion": _fusion, "mos": _mos}
    for question in questions:
        for asking in askings[question](stimuli):
            if len(asking.rated) > MOST_RATED:
                raise SettingError(
                    f"{len(asking.rated)} sounds to compare at once are more than listeners can "
                    f"({MOST_RATED}); name fewer backends"
                )
            yield asking


def _quality(stimuli: Collection[Stimulus]) -> Iterator[Asking]:
    for truth in _of(stimuli, "truth"):
        rated = [s for s in stimuli if s.amount == truth.amount and s.role not in _NO_QUALITY]
        if _of(rated, "morph"):
            reference = replace(truth, is_open=True)
            yield Asking(question="quality", open={"reference": reference}, rated=rated)


_NO_QUALITY = ("a", "b", "two guitars")


def _position(stimuli: Collection[Stimulus]) -> Iterator[Asking]:
    a, b = (*_of(stimuli, "a"), *_of(stimuli, "b"))
    ends = {"A": replace(a, is_open=True), "B": replace(b, is_open=True)}
    for amount in sorted({morph.amount for morph in _of(stimuli, "morph")}):
        between = [s for s in _of(stimuli, "morph", "truth") if s.amount == amount]
        yield Asking(question="position", open=ends, rated=[a, b, *between])


def _fusion(stimuli: Collection[Stimulus]) -> Iterator[Asking]:
    for stimulus in _of(stimuli, "a", "two guitars", "morph", "truth"):
        yield Asking(question="fusion", open={}, rated=[stimulus])


def _mos(stimuli: Collection[Stimulus]) -> Iterator[Asking]:
    for stimulus in _of(stimuli, "morph", "truth"):
        yield Asking(question="mos", open={}, rated=[stimulus])


def _of(stimuli: Iterable[Stimulus], *roles: str) -> list[Stimulus]:
    return [stimulus for stimulus in stimuli if stimulus.role in roles]
