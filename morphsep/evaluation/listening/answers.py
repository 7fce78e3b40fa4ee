"""Listeners' answers: JSON lines, one an answer, which only ever grow at the end.

    {"test": ID, "listener": NAME, "trial": "t0007", "stimulus": NAME, "value": 73, "at": TIME}

One file a listener, ``TEST/results/LISTENER.jsonl``. Every line says which test it belongs to, so
that files may be moved and joined.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.evaluation.listening.design import TEST, ListeningTest, read_test
from morphsep.evaluation.listening.questions import SCALES, Question

if TYPE_CHECKING:
    from morphsep.storage import Location

RESULTS = "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One line: what one listener said about one sound."""

    test: str
    listener: str
    trial: str
    stimulus: str
    value: float
    """On the scale of the trial's question."""
    at: str
    """When: ISO 8601, UTC. Kept for whoever looks; nothing is computed from it."""

    def line(self) -> str:
        """The line, with its end."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


def find_results(places: Sequence[Location]) -> list[Location]:
    """The files of answers that are named, or lie in the folders that are named, sorted; a test's
    folder stands for its results. None twice.

    Raises:
        SettingError: a place that is not there, or a folder without answers.
    """
    found: set[Location] = set()
    for place in places:
        here = [place] if place.name.endswith(".jsonl") else _in_folder(place)
        if not here or not here[0].exists():
            raise SettingError(
                f"{place} holds no answers; name files of answers (.jsonl), or a folder of them"
            )
        found.update(here)
    return sorted(found, key=str)


def find_test(results: Sequence[Location]) -> ListeningTest:
    """The test that files of answers lie beside: in their folder, or in the folder around it.

    Raises:
        SettingError: there is none, or it cannot be used.
    """
    for folder in (results[0].parent, results[0].parent.parent):
        if (folder / TEST).exists():
            return read_test(folder)
    raise SettingError(f"no test lies beside {results[0]}; name its folder with --test")


def read_answers(results: Iterable[Location], test: ListeningTest) -> list[Answer]:
    """All answers, checked against the test.

    Raises:
        SettingError: a line that is cut off or is no answer, answers of another test, to what was
            not asked or off the scale, or two of one listener to the same.
    """
    questions = {
        (trial.name, stimulus): trial.question for trial in test.trials for stimulus in trial.rated
    }
    test_id = test.id
    first: dict[tuple[str, str, str], str] = {}
    answers = []
    for place in results:
        for where, answer in _lines(place):
            _check(answer, where, test_id, questions)
            key = answer.listener, answer.trial, answer.stimulus
            if key in first:
                raise SettingError(
                    f"{where}: listener {answer.listener} has answered this before, in "
                    f"{first[key]}; keep one of the two (a person who listens twice needs one name)"
                )
            first[key] = where
            answers.append(answer)
    return answers


def _in_folder(folder: Location) -> list[Location]:
    return (folder / RESULTS).children(".jsonl") or folder.children(".jsonl")


def _lines(place: Location) -> Iterator[tuple[str, Answer]]:
    """Each answer of a file, and where it stands."""
    data = place.read_bytes()
    for number, line in enumerate(data.split(b"\n"), 1):
        where = f"{place}, line {number}"
        if not line.strip():
            continue
        try:
            yield where, Answer(**json.loads(line))
        except (ValueError, TypeError) as error:
            is_end = number == data.count(b"\n") + 1
            raise SettingError(
                f"{where}: the file is cut off here; delete this line, the others can be scored"
                if is_end
                else f"{where}: this is no answer ({error}); get the file as it was written"
            ) from error


def _check(
    answer: Answer, where: str, test_id: str, questions: Mapping[tuple[str, str], Question]
) -> None:
    texts = {"test", "listener", "trial", "stimulus", "at"}
    if odd := [name for name in sorted(texts) if not isinstance(getattr(answer, name), str)]:
        raise SettingError(f"{where}: {odd[0]} must be a text; get the file as it was written")
    if answer.test != test_id:
        raise SettingError(
            f"{where}: an answer to another test ({answer.test}; this one is {test_id}); score the "
            "tests one by one"
        )
    question = questions.get((answer.trial, answer.stimulus))
    if question is None:
        raise SettingError(
            f"{where}: trial {answer.trial} of this test does not ask about {answer.stimulus}; get "
            "the file as it was written"
        )
    value: Any = answer.value
    if not SCALES[question].takes(value):
        raise SettingError(
            f"{where}: {value!r} is no answer about {question}, which is {SCALES[question]}; mend "
            "or delete this line"
        )
