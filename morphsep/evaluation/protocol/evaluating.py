"""A task done: up to twenty pairs of 5 s for each transition, by every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf

from morphsep.dsp import MODEL_RATE, Seconds
from morphsep.errors import NotHereError, SettingError
from morphsep.evaluation import metrics
from morphsep.evaluation.protocol.cutting import LEAST_SECONDS, Clip, cut, read_sources
from morphsep.evaluation.protocol.rendering import forget_recipes, recipe
from morphsep.evaluation.protocol.working import Evaluated, Work
from morphsep.evaluation.results import Results, Score, write_results
from morphsep.evaluation.sounds import TABLE, read_sounds, write_sounds
from morphsep.evaluation.tasks import FIVE_TRANSITIONS, Task
from morphsep.request import Job, describe_plugins
from morphsep.run import Pool, Step, choose_executor, get_executor, workers_for_durations
from morphsep.storage import Location, lock

SPEED = 0.1
"""Seconds of a clip that a worker renders by all backends and measures in a second, about."""
BACKENDS = ("chain", "spectral", "crossfade", "vocoder", "music2latent", "diffusion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is evaluated."""

    task: Task = FIVE_TRANSITIONS
    backends: Sequence[str] = BACKENDS
    pairs: int = 20
    """Most clips of each transition."""
    steps: int = 10
    """Between the amounts 0 and 1."""
    seconds: Seconds = 5.0
    """Of each clip."""
    cdpam: bool = True

    def __post_init__(self) -> None:
        """
        Raises:
            SettingError: clips of such a length cannot be.
        """
        if not LEAST_SECONDS <= self.seconds < inf:
            raise SettingError(
                f"clips of {self.seconds:g} s cannot be: {LEAST_SECONDS:g} s and more, but finite"
            )

    @property
    def amounts(self) -> tuple[float, ...]:
        """0 ... 1."""
        return tuple(round(step / self.steps, 6) for step in range(self.steps + 1))


def evaluate(
    jobs: Iterable[Job],
    folder: Location,
    plan: Plan,
    *,
    executor: str = "local",
    pool: Pool | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Results:
    """Renders and measures what `plan` says of recordings of guitars alone, in `folder`, and writes
    the tables and the report there. What was done before is not done again.

    Args:
        jobs: the recordings; their settings do not count.
        executor: where it is done: auto, local or ray.
        pool: the workers, which have to see the folder; None: this process alone.
        on_progress: called with how many clips are done, and of how many.

    Raises:
        SettingError: no guitar, no such backend, nothing that can be measured here, no cluster;
            the folder holds another task's evaluation.
        TrackError: a recording changed meanwhile.
        StorageError: storage or disk are at fault; the same command goes on.
    """
    forget_recipes()
    found = read_sources(jobs, plan.seconds)
    backends, not_measured = _usable(plan)
    clips = cut(found.sources, plan.task.transitions, plan.pairs)
    cdpam, missing = _metrics(plan)
    not_measured |= missing
    work = Work(folder=folder, backends=backends, amounts=plan.amounts, cdpam=cdpam)
    with lock(folder):
        _check_others(folder, plan.task)
        done = list[Evaluated]()
        for each in _worked(clips, work, executor, pool or Pool(max_workers=1)):
            done.append(each)
            on_progress(len(done), len(clips))
        write_sounds(folder, [sound for each in done for sound in each.sounds])
        scores = sorted((score for each in done for score in each.scores), key=Score.key)
        results = Results(
            task=plan.task, scores=scores, amounts=plan.amounts, not_measured=not_measured,
            left_out={**plan.task.left_out, **found.left_out},
            unreadable={**plan.task.unreadable, **found.unreadable},
        )  # fmt: skip
        write_results(folder, results)
    return results


def _check_others(folder: Location, task: Task) -> None:
    """
    Raises:
        SettingError: the folder holds an evaluation of other transitions, whose tables would go.
    """
    if not (folder / TABLE).exists():
        return
    try:
        there = {sound.transition for sound in read_sounds(folder)}
    except SettingError:  # damaged, or of another version: it is written anew
        return
    if there and there.isdisjoint(each.name for each in task.transitions):
        raise SettingError(
            f"{folder} holds an evaluation of other transitions ({', '.join(sorted(there))}), "
            "whose tables would be lost: name another folder"
        )


def _worked(clips: Sequence[Clip], work: Work, executor: str, pool: Pool) -> Iterable[Evaluated]:
    """One result for each clip, in any order."""
    missing = {clip.item: clip for clip in clips}
    step = Step(name="evaluate", call=work)
    executor = choose_executor(executor, pool)
    if executor == "local":
        seconds = [clip.guitar.shape[1] / MODEL_RATE for clip in clips]
        pool = replace(pool, max_workers=workers_for_durations(seconds, SPEED, pool))
    for each in get_executor(executor)([step], clips, pool):
        # it can come out twice, if a lost worker's record was given to another
        if missing.pop(each.item, None) is not None:
            yield each
    for clip in missing.values():
        yield work.failed(clip, "its workers died over it; run the same command again")


def _usable(plan: Plan) -> tuple[list[str], dict[str, str]]:
    """Backends that can work here, and why others cannot.

    Raises:
        SettingError: there is no such backend, or none of them can.
    """
    known = {plugin["name"] for plugin in describe_plugins("backend")}
    first = plan.task.transitions[0]
    usable, reasons = list[str](), dict[str, str]()
    for name in dict.fromkeys(plan.backends):
        if name not in known:
            raise SettingError(f"no backend {name!r}; there are: {', '.join(sorted(known))}")
        try:
            recipe(first.source, first.target, name)
            usable.append(name)
        except NotHereError:
            reasons[name] = "its weights are not on this machine, and an evaluation fetches none"
        except SettingError as error:
            reasons[name] = str(error)
    if not usable:
        raise SettingError("; ".join(f"{name}: {why}" for name, why in reasons.items()))
    return usable, reasons


def _metrics(plan: Plan) -> tuple[str, dict[str, str]]:
    """A digest of CDPAM's weights, empty where it is not measured, and why metrics are not."""
    cdpam, missing = "", dict[str, str]()
    if not plan.cdpam:
        missing["CDPAM"] = "not asked for"
    else:
        try:
            cdpam = metrics.cdpam_digest()
        except SettingError as error:
            missing["CDPAM"] = str(error)
    if not metrics.has_zimtohrli():
        missing["Zimtohrli"] = "not installed: pip install 'morphsep[evaluate]'"
    return cdpam, missing
