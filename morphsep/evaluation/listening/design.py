"""A listening test: what is asked about which sounds, what they are, and who will not be counted.

    TEST/test.json               what a listener may see: questions, trials, files to play
    TEST/key.json                what the files are, and the rules of exclusion
    TEST/stimuli/NAME.flac       the sounds; their names tell nothing

docs/how-to/run-a-listening-test.md has both files line by line. The test's id is a digest of all
that they say: whoever changes a rule after the first listener has another test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from morphsep.dsp import MODEL_RATE
from morphsep.errors import SettingError
from morphsep.evaluation.listening.questions import QUESTIONS, SCALES, Question
from morphsep.storage import digest

if TYPE_CHECKING:
    from morphsep.storage import Location

FORMAT = 1
TEST, KEY, STIMULI = "test.json", "key.json", "stimuli"

Role = Literal["a", "b", "morph", "truth", "anchor 3.5 kHz", "anchor 7 kHz", "two guitars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """What one file of a test is."""

    item: str
    transition: str
    role: Role
    """``two guitars``: the first ends of this item and of one by another source, mixed."""
    backend: str = ""
    amount: float
    is_open: bool = False
    """Played beside the others under its true name (the reference, A, B), and not asked about."""

    @property
    def condition(self) -> str:
        """What is compared with what: the backend, or the role."""
        return self.backend or self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One screen: a question about each of some sounds."""

    name: str
    question: Question
    open: dict[str, str]
    """What is played under its name: ``reference``, or ``A`` and ``B``; name -> stimulus."""
    rated: tuple[str, ...]
    """Stimuli that are asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who is not counted. Fixed when the test is made. The first five are those of Recommendation
    ITU-R BS.1534-3 (post-screening), the others are our own."""

    reference_below: float = 90
    """The hidden reference's quality was put below this ..."""
    reference_share: float = 0.15
    """... in more than this share of the items."""
    anchor_above: float = 90
    """The 7 kHz anchor's quality was put above this ..."""
    anchor_share: float = 0.15
    """... in more than this share of the items,"""
    anchor_item_share: float = 0.25
    """not counting items in which more than this share of the listeners did so: there the filter
    takes away what nobody hears."""
    end_off_by: float = 20
    """A hidden end was put farther than this from its place (0 and 100) ..."""
    end_share: float = 0.15
    """... in more than this share of the times."""
    fusion_wrong_share: float = 0.25
    """An end was heard as two guitars, or two guitars as one, in more than this share."""
    least_answered: float = 0.9
    """Fewer than this share of the test was answered."""


@dataclass(frozen=True, kw_only=True)
class ListeningTest:
    """A whole test, without its sounds."""

    seed: int
    seconds: float
    """Length of each sound."""
    lufs: float
    """Integrated loudness of each sound."""
    trials: tuple[Trial, ...]
    stimuli: Mapping[str, Stimulus]
    rules: Rules = Rules()

    @cached_property
    def id(self) -> str:
        """The same for the same test, and for no other."""
        both = json.dumps([self._seen(), self._known()], sort_keys=True)
        return digest(both)[:16]

    def order(self, listener: str) -> tuple[Trial, ...]:
        """The trials as this listener hears them: question by question, shuffled within each, and
        the sounds of a trial shuffled, too. Always the same for a listener."""
        drawn = self.id, listener
        shuffled = sorted(
            self.trials,
            key=lambda trial: (QUESTIONS.index(trial.question), digest(*drawn, trial.name)),
        )
        return tuple(
            replace(t, rated=tuple(sorted(t.rated, key=lambda name: digest(*drawn, t.name, name))))
            for t in shuffled
        )

    def write(self, folder: Location) -> None:
        """Writes both files, `test.json` last: where it is, the test is whole."""
        (folder / KEY).write_json({"test": self.id, **self._known()})
        (folder / TEST).write_json({"id": self.id, **self._seen()})

    def _seen(self) -> dict[str, Any]:
        asked = {trial.question for trial in self.trials}
        return {
            "format": FORMAT,
            "seed": self.seed,
            "sample_rate": MODEL_RATE,
            "seconds": self.seconds,
            "lufs": self.lufs,
            "questions": {name: asdict(SCALES[name]) for name in QUESTIONS if name in asked},
            "trials": [asdict(trial) for trial in self.trials],
        }

    def _known(self) -> dict[str, Any]:
        stimuli = {name: asdict(stimulus) for name, stimulus in sorted(self.stimuli.items())}
        return {"format": FORMAT, "rules": asdict(self.rules), "stimuli": stimuli}


def read_test(folder: Location) -> ListeningTest:
    """The test in a folder.

    Raises:
        SettingError: there is none, it is of another format, damaged, or was changed since it was
            made.
    """
    try:
        seen, known = (folder / TEST).read_json(), (folder / KEY).read_json()
        if seen is None or known is None:
            raise SettingError(
                f"{folder} holds no listening test; name the folder that `morphsep listen make` "
                f"has written ({TEST} and {KEY})"
            )
        if (seen["format"], known["format"]) != (FORMAT, FORMAT):
            raise SettingError(f"the test in {folder} is of another version; make it anew")
        test = ListeningTest(
            **{name: seen[name] for name in ("seed", "seconds", "lufs")},
            trials=tuple(Trial(**t | {"rated": tuple(t["rated"])}) for t in seen["trials"]),
            stimuli={name: Stimulus(**values) for name, values in known["stimuli"].items()},
            rules=Rules(**known["rules"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SettingError):
            raise
        raise SettingError(f"the test in {folder} is damaged ({error}); {_AGAIN}") from error
    if not test.id == seen["id"] == known["test"]:
        raise SettingError(f"the test in {folder} was changed since it was made; {_AGAIN}")
    return test


_AGAIN = "get the folder as it was made, or make another test and ask its listeners"
