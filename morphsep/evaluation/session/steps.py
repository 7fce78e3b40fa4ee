"""What comes next for a listener, under names that tell nothing.

Each question begins with training: trials like those that follow, whose answers are not kept. They
come there and not all at first, because comparing sounds would teach what is still to be judged
alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Any

from morphsep.evaluation.listening import QUESTIONS, SCALES, ListeningTest, Question, Trial
from morphsep.evaluation.session.headphones import TRIES
from morphsep.evaluation.session.listeners import Answered, Listener
from morphsep.storage import digest

TRAINING: dict[Question, int] = {"mos": 2, "fusion": 2, "position": 1, "quality": 1}
"""Most trials before each question."""


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A trial as one listener gets it. All names differ from listener to listener, from trial to
    trial and between training and what counts."""

    trial: Trial
    """Its sounds are in the order in which this listener has them."""
    listener: str
    test: str
    is_training: bool

    @cached_property
    def name(self) -> str:
        """What the browser calls it."""
        return self._secret("trial")

    @cached_property
    def sounds(self) -> dict[str, str]:
        """What the browser calls each sound, and which stimulus that is; the open ones first."""
        stimuli = [*self.trial.open.values(), *self.trial.rated]
        return {self._secret(stimulus): stimulus for stimulus in stimuli}

    @property
    def rated(self) -> dict[str, str]:
        """Those of `sounds` that are asked about."""
        return {name: s for name, s in self.sounds.items() if s in self.trial.rated}

    def shown(self) -> dict[str, Any]:
        """What the browser is told."""
        names = {stimulus: name for name, stimulus in self.sounds.items()}
        return {
            "step": "trial",
            "trial": self.name,
            "training": self.is_training,
            "question": self.trial.question,
            "scale": asdict(SCALES[self.trial.question]),
            "open": [[label, names[s]] for label, s in self.trial.open.items()],
            "rated": [names[s] for s in self.trial.rated],
        }

    def _secret(self, what: str) -> str:
        kind = "training" if self.is_training else "test"
        return digest(self.test, self.listener, kind, self.trial.name, what)[:16]


def screens(test: ListeningTest, listener: str) -> list[Screen]:
    """All trials of a listener in order, with the training before each question."""
    order = test.order(listener)
    found = []
    for question in QUESTIONS:
        asked = [trial for trial in order if trial.question == question]
        drawn = sorted(asked, key=lambda trial: digest(test.id, listener, "training", trial.name))
        training = [_shuffled(trial, test.id, listener) for trial in drawn[: TRAINING[question]]]
        for is_training, trials in ((True, training), (False, asked)):
            found += [
                Screen(trial=trial, listener=listener, test=test.id, is_training=is_training)
                for trial in trials
            ]
    return found


def _shuffled(trial: Trial, test: str, listener: str) -> Trial:
    """A trial for training, in another order: where a sound stood tells nothing of what follows."""
    key = partial(digest, test, listener, "training", trial.name)
    return replace(trial, rated=tuple(sorted(trial.rated, key=key)))


def next_step(
    listener: Listener,
    own: Collection[Screen],
    answered: Collection[Answered],
    must_have_headphones: bool,
) -> dict[str, Any]:
    """What the browser shows next."""
    if must_have_headphones and not listener.has_headphones:
        return {"step": "headphones", "tries": TRIES, "failed": len(listener.headphones)}
    ahead = next(_ahead(listener, own, answered), None)
    if ahead is None:
        return {"step": "done"}
    counted = [screen for screen in own if not screen.is_training]
    done = sum(1 for screen in counted if not unanswered(screen, answered))
    return ahead.shown() | {"done": done, "of": len(counted)}


def unanswered(screen: Screen, answered: Collection[Answered]) -> dict[str, str]:
    """What of a screen has no answer yet: name and stimulus of each sound."""
    trial = screen.trial.name
    return {name: s for name, s in screen.rated.items() if (trial, s) not in answered}


def _ahead(
    listener: Listener, own: Collection[Screen], answered: Collection[Answered]
) -> Iterator[Screen]:
    """What is still to be done."""
    for screen in own:
        if screen.is_training:
            if screen.name not in listener.trained:
                yield screen
        elif unanswered(screen, answered):
            yield screen
