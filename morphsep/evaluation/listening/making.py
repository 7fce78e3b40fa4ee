"""Building a listening test from rendered sounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np

from morphsep.audio import AudioWriter, OutputFormat
from morphsep.dsp import MODEL_RATE, Signal, dbfs, from_db
from morphsep.errors import SettingError
from morphsep.evaluation.listening.choosing import BASELINE, Item, Plan, choose
from morphsep.evaluation.listening.design import STIMULI, TEST, ListeningTest, Stimulus, Trial
from morphsep.evaluation.listening.power import needed
from morphsep.evaluation.listening.rendering import Renderer, loudest_peak, num_samples
from morphsep.evaluation.listening.tables import Needed
from morphsep.evaluation.listening.trials import Asking, ask
from morphsep.evaluation.metrics import LUFS
from morphsep.evaluation.sounds import read_sounds
from morphsep.storage import Location, digest

PEAK = from_db(-1.0)
"""Largest true peak of any sound (EBU R 128). Where -23 LUFS would pass it, all are softer."""
FLAC = OutputFormat(format="FLAC", subtype="PCM_24", extension=".flac")
SPREADS = (0.4, 0.6, 0.8)
"""Standard deviations, over listeners, of a difference of MOS: our guess, since nobody has listened
yet. `Scores.needed` has the one that was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A test, and what is not in it."""

    test: ListeningTest
    items: int
    left_out: Mapping[str, int]
    """What was rendered and is not asked about, and why; with how often."""

    @property
    def minutes(self) -> float:
        """About how long a listener needs: our guess of 5 s an answer, each sound heard once where
        it is alone and twice where several are compared."""
        total = 0.0
        for trial in self.test.trials:
            times = 2 if trial.open else 1
            played = len(trial.open) + len(trial.rated)
            total += times * played * self.test.seconds + 5 * len(trial.rated)
        return total / 60

    @property
    def checks_listeners(self) -> bool:
        """Whether anything would show that a listener clicks anywhere; MOS alone has no such
        thing."""
        return any(trial.question != "mos" for trial in self.test.trials)

    @property
    def needed(self) -> list[Needed]:
        """How many listeners a difference of MOS takes, for each of `SPREADS`; none where MOS is
        not asked about."""
        asked = {
            name for trial in self.test.trials if trial.question == "mos" for name in trial.rated
        }
        conditions = len({self.test.stimuli[name].condition for name in asked})
        comparisons = conditions * (conditions - 1) // 2
        return [needed(spread, comparisons) for spread in SPREADS if comparisons]


def make(folder: Location, to: Location, plan: Plan) -> Made:
    """Builds the test that `plan` describes from the sounds in `folder`, in the folder `to`.

    The same sounds and plan make the same test.

    Raises:
        SettingError: nothing to ask about, sounds that cannot be used, a plan that asks for what
            is not there, or a test in `to` already.
    """
    if (to / TEST).exists():
        raise SettingError(
            f"{to} holds a test already, and answers may refer to it; choose another folder"
        )
    items = choose(read_sounds(folder), plan)
    if not items:
        raise SettingError(f"{folder} has no in-betweens to ask about; evaluate some backends")
    renderer = Renderer(folder=folder, plan=plan, num_samples=num_samples(folder, items, plan))
    pairs = [(item, _partner(items, item)) for item in items]
    peak = max(loudest_peak(renderer.render(*pair).values()) for pair in pairs)
    renderer.left_out.clear()
    gain = min(1.0, PEAK / peak) if peak else 1.0
    files = _Files(folder=to / STIMULI, seed=plan.seed, gain=gain)
    trials = []
    for item, partner in pairs:
        if not (heard := renderer.render(item, partner)):
            continue
        trials += [files.trial(asking, heard) for asking in ask(heard, plan.questions)]
        renderer.left_out += _not_asked(heard, plan)
    if not trials:
        raise SettingError(f"nothing is left to ask about ({'; '.join(renderer.left_out)})")
    test = ListeningTest(
        seed=plan.seed,
        seconds=renderer.num_samples / MODEL_RATE,
        lufs=LUFS + dbfs(gain),
        trials=_numbered(trials, plan.seed),
        stimuli=files.written,
    )
    test.write(to)
    items_asked = len({stimulus.item for stimulus in files.written.values()})
    return Made(test=test, items=items_asked, left_out=renderer.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of a test, each written once, under names that tell nothing."""

    folder: Location
    seed: int
    gain: float
    written: dict[str, Stimulus] = field(default_factory=dict)

    def trial(self, asking: Asking, heard: Mapping[Stimulus, Signal]) -> Trial:
        """A trial that has no name yet."""
        return Trial(
            name="",
            question=asking.question,
            open={label: self._file(each, heard) for label, each in asking.open.items()},
            rated=tuple(sorted(self._file(stimulus, heard) for stimulus in asking.rated)),
        )

    def _file(self, stimulus: Stimulus, heard: Mapping[Stimulus, Signal]) -> str:
        samples = heard[replace(stimulus, is_open=False)]
        name = digest(self.seed, stimulus, sha256(samples.tobytes()).hexdigest())[:16]
        if name not in self.written:
            with (
                (self.folder / f"{name}.flac").writing() as path,
                AudioWriter(
                    str(path), MODEL_RATE, len(samples), FLAC, in_place=True, name=f"{name}.flac"
                ) as writer,
            ):
                writer.write(samples * np.float32(self.gain))
            self.written[name] = stimulus
        return name


def _partner(items: Sequence[Item], item: Item) -> Item | None:
    """The next item whose notes are another source's."""
    at = items.index(item)
    after = [*items[at + 1 :], *items[:at]]
    return next((other for other in after if other.a.source != item.a.source), None)


def _not_asked(heard: Collection[Stimulus], plan: Plan) -> Counter[str]:
    """What an item lacks for the questions of the plan."""
    roles = {stimulus.role for stimulus in heard}
    lacks = Counter[str]()
    if "quality" in plan.questions and "truth" not in roles:
        lacks["no true in-between: quality is not asked about"] += 1
    if "fusion" in plan.questions and "two guitars" not in roles:
        lacks["no item by another source: no two guitars to check listeners with"] += 1
    if BASELINE not in {stimulus.backend for stimulus in heard}:
        lacks["no crossfade: nothing to be better than"] += 1
    return lacks


def _numbered(trials: Sequence[Trial], seed: int) -> tuple[Trial, ...]:
    """Trials with numbers that do not tell what belongs together."""
    shuffled = sorted(trials, key=lambda trial: digest(seed, trial.question, *trial.rated))
    return tuple(replace(trial, name=f"t{n:04}") for n, trial in enumerate(shuffled, 1))
