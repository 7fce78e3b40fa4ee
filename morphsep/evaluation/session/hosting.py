"""A test and all its listeners, for as long as it is served.

What is on the disk is what counts: an answer is written before the browser hears that it was taken,
so a server that is killed has lost nothing, and the next one goes on from there.
"""

from __future__ import annotations

import os
import re
import stat
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from morphsep.errors import SettingError
from morphsep.evaluation.listening import (
    RESULTS,
    SCALES,
    STIMULI,
    Answer,
    read_answers,
    read_test,
)
from morphsep.evaluation.session.headphones import check_sound, right_places
from morphsep.evaluation.session.listeners import (
    Answered,
    Listener,
    append_answers,
    name_of,
    new_secret,
    now,
    read_listeners,
    write_listener,
)
from morphsep.evaluation.session.steps import Screen, next_step, screens, unanswered
from morphsep.storage import digest

if TYPE_CHECKING:
    from morphsep.storage import Location

NAME = re.compile(r"[0-9a-f]{16}")
"""What `make` calls a sound."""
MOST_BYTES = 64 << 20
"""Of a sound: ten seconds take 3 MB."""
MOST_CONSENT = 20_000


class WrongAnswerError(Exception):
    """What a browser has sent does not fit what it was asked; it has to ask anew."""


class Hosting:
    """The listeners of the test in a folder. One at a time for each folder.

    Raises:
        SettingError: there is no test on this machine, or a sound of it is missing or is not a
            plain file.
    """

    def __init__(self, folder: Location, consent: str, must_have_headphones: bool) -> None:
        if not folder.is_local:
            raise SettingError(f"{folder} is not on this machine; copy the test here")
        self.test = read_test(folder)
        self.consent = consent
        self._folder = folder
        self._must_have_headphones = must_have_headphones
        self._lock = threading.Lock()
        for name in self.test.stimuli:
            os.close(self._open(name))
        self._listeners: dict[str, Listener] = {}
        self._answered: dict[str, set[Answered]] = defaultdict(set)
        self._screens: dict[str, dict[str, Screen]] = {}

    def read(self) -> None:
        """Takes up where the last server ended. Call it once nobody else serves this folder.

        Raises:
            SettingError: a listener or answers are damaged.
        """
        self._listeners = read_listeners(self._folder)
        for answer in read_answers((self._folder / RESULTS).children(".jsonl"), self.test):
            self._answered[answer.listener].add((answer.trial, answer.stimulus))

    @property
    def cookie(self) -> str:
        """The cookie that holds a listener's secret; each test has its own."""
        return f"morphsep-listener-{self.test.id}"

    def find(self, secret: str) -> Listener | None:
        """The listener whose cookie holds `secret`."""
        return self._listeners.get(name_of(secret))

    def welcome(self) -> tuple[str, Listener]:
        """A new listener, who has agreed to the text, and the secret for the cookie."""
        secret = new_secret()
        listener = Listener(
            name=name_of(secret), consented_at=now(), consent=digest(self.consent)[:16]
        )
        with self._lock:
            write_listener(self._folder, listener)
            self._listeners[listener.name] = listener
        return secret, listener

    def step(self, listener: Listener | None) -> dict[str, Any]:
        """What the browser of a listener shows next."""
        if listener is None:
            return {"step": "consent", "text": self.consent}
        return next_step(
            listener,
            self._own(listener).values(),
            self._answered[listener.name],
            self._must_have_headphones,
        )

    def hear_headphones(self, listener: Listener, check: object, places: object) -> None:
        """Takes the answers of a headphone check, 0 to 2 each.

        Args:
            check: how many there were before.

        Raises:
            WrongAnswerError: they are no such answers, or to another check.
        """
        with self._lock:
            if check != len(listener.headphones):
                raise WrongAnswerError
            right = right_places(self.test.id, listener.name, len(listener.headphones))
            if not isinstance(places, list) or len(places) != len(right):
                raise WrongAnswerError
            correct = sum(told == place for told, place in zip(places, right, strict=True))
            write_listener(
                self._folder, replace(listener, headphones=[*listener.headphones, correct])
            )
            listener.headphones.append(correct)

    def headphone_sound(self, listener: Listener, number: int) -> bytes | None:
        """The sound of one try of the check that is on, as FLAC."""
        check = len(listener.headphones)
        right = right_places(self.test.id, listener.name, check)
        if not 0 <= number < len(right):
            return None
        return check_sound(right[number], f"{listener.name} {check} {number}")

    def hear(self, listener: Listener, trial: object, told: object) -> bool:
        """Takes the answers to all sounds of a trial, and keeps them.

        Returns:
            Whether they count; not if the trial was answered before (in another tab), or is
            training.

        Raises:
            WrongAnswerError: no such trial, or not an answer on the scale for each of its sounds.
        """
        screen = self._own(listener).get(trial) if isinstance(trial, str) else None
        if screen is None or not isinstance(told, Mapping):
            raise WrongAnswerError
        scale = SCALES[screen.trial.question]
        if told.keys() != screen.rated.keys() or not all(map(scale.takes, told.values())):
            raise WrongAnswerError
        with self._lock:
            if screen.is_training:
                self._note_training(listener, screen)
                return False
            return self._keep(listener, screen, told)

    def sound(self, listener: Listener, name: str) -> bytes | None:
        """The sound that this listener's browser knows under a name, as FLAC."""
        for screen in self._own(listener).values():
            if (stimulus := screen.sounds.get(name)) is not None:
                with os.fdopen(self._open(stimulus), "rb") as file:
                    return file.read(MOST_BYTES)
        return None

    def _keep(self, listener: Listener, screen: Screen, told: Mapping[str, float]) -> bool:
        # not from memory: the writing of lines may fail once they are there
        place = self._folder / RESULTS / f"{listener.name}.jsonl"
        there = read_answers([place] if place.exists() else [], self.test)
        answered = {(answer.trial, answer.stimulus) for answer in there}
        open_ = unanswered(screen, answered)
        at = now()
        answers = [
            Answer(
                test=self.test.id, listener=listener.name, trial=screen.trial.name,
                stimulus=stimulus, value=told[name], at=at,
            )
            for name, stimulus in open_.items()
        ]  # fmt: skip
        if answers:
            append_answers(self._folder, listener.name, answers)
        added = {(answer.trial, answer.stimulus) for answer in answers}
        self._answered[listener.name] = answered | added
        return bool(answers)

    def _note_training(self, listener: Listener, screen: Screen) -> None:
        if screen.name not in listener.trained:
            write_listener(
                self._folder, replace(listener, trained=[*listener.trained, screen.name])
            )
            listener.trained.append(screen.name)

    def _own(self, listener: Listener) -> dict[str, Screen]:
        """The screens of a listener, by name."""
        if listener.name not in self._screens:
            found = screens(self.test, listener.name)
            self._screens[listener.name] = {screen.name: screen for screen in found}
        return self._screens[listener.name]

    def _open(self, stimulus: str) -> int:
        """A descriptor of the file of a sound that the test names; a link leads nowhere."""
        place = self._folder / STIMULI / f"{stimulus}.flac"
        try:
            if not NAME.fullmatch(stimulus) or place.parent.path.is_symlink():
                raise SettingError(f"{place} is none of the sounds that `listen make` writes")
            descriptor = os.open(place.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SettingError(f"{place} cannot be played: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise SettingError(f"{place} is no plain file")
        return descriptor


def read_consent(place: Location | None) -> str:
    """The text that listeners agree to, from a file; None: ours.

    Raises:
        SettingError: it is not there, is no text, is empty or too long.
    """
    if place is None:
        return (resources.files("morphsep.evaluation.session") / "consent.txt").read_text("utf-8")
    try:
        text = place.read_bytes().decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{place} cannot be read as text (UTF-8): {error}") from error
    if not 0 < len(text) <= MOST_CONSENT:
        raise SettingError(f"{place} has {len(text)} letters; write 1 to {MOST_CONSENT}")
    return text
