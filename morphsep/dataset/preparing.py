"""Sources made ready: looked at, refused where they must be, and put into splits."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from tempfile import TemporaryFile

from morphsep.dataset.content import licensed, refused, same_content, whose_content
from morphsep.dataset.copies import alike
from morphsep.dataset.lock import Lock
from morphsep.dataset.prints import Prints
from morphsep.dataset.recipe import DataRecipe, Ladder
from morphsep.dataset.rendering import ladder_recipe
from morphsep.dataset.sources import SourceFacts, forbids_commerce, groups, split_of
from morphsep.dataset.surveying import Surveyed, survey
from morphsep.dataset.wanted import Running, Wanted
from morphsep.errors import ErrorCode, SettingError
from morphsep.morphing import build
from morphsep.request import Job
from morphsep.separators import SeparatorTraits
from morphsep.stages import RunContext, Workspace
from morphsep.storage import digest


def ready(
    jobs: Sequence[Job], workspace: Workspace, wanted: Wanted, running: Running
) -> tuple[list[Job], dict[str, Surveyed]]:
    """The jobs with their splits, and refused where their licences or their content say so.

    Raises:
        SettingError: recordings in different splits are alike; a licence forbids what is wanted.
    """
    recipe = wanted.recipe
    context = RunContext(
        out=str(workspace.out), work=workspace.elsewhere, command="generate",
        id=secrets.token_hex(8),
    )  # fmt: skip
    if wanted.commercial_only:
        _check_commercial(jobs, recipe)
    found = survey(jobs, context, running.executor, running.pool)
    return placed(jobs, found, recipe, commercial_only=wanted.commercial_only)


def placed(
    jobs: Sequence[Job],
    found: Iterable[Surveyed],
    recipe: DataRecipe,
    *,
    commercial_only: bool = False,
) -> tuple[list[Job], dict[str, Surveyed]]:
    """The jobs with their splits, or refused, and what was found of each, its fingerprint left out.

    Args:
        found: in any order; each is looked at once.

    Raises:
        SettingError: recordings in different splits are alike.
    """
    with TemporaryFile() as file:
        prints, surveyed = Prints(file), dict[str, Surveyed]()
        for each in found:
            prints.add(each.track, each.fingerprint)
            surveyed[each.track] = replace(each, words=b"")
        same = same_content(jobs, surveyed)
        allowed = [licensed(job, same[job.track], commercial_only=commercial_only) for job in jobs]
        kept = _in_splits(_without_copies(allowed, surveyed), same, surveyed, recipe)
        _check_splits(kept, prints)
    return kept, surveyed


def _without_copies(jobs: Sequence[Job], surveyed: Mapping[str, Surveyed]) -> list[Job]:
    """The same recording twice counts once; one that cannot be read is refused."""
    kept, owners = list[Job](), dict[str, str]()
    for job in jobs:
        seen = surveyed.get(job.track)
        if seen is None or job.refusal is not None:
            kept.append(job)
        elif seen.fault is not None:
            kept.append(replace(job, refusal=seen.fault))
        else:
            same = digest(seen.content_hash, seen.stem, job.settings)
            first = owners.setdefault(same, job.track)
            why: tuple[ErrorCode, str] = ("duplicate", f"it is the same recording as {first}")
            kept.append(job if first == job.track else refused(job, why))
    return kept


def _in_splits(
    jobs: Sequence[Job],
    same: Mapping[str, Sequence[Job]],
    surveyed: Mapping[str, Surveyed],
    recipe: DataRecipe,
) -> list[Job]:
    """The jobs with the split that each lies in."""
    facts = {job.track: SourceFacts.of(job) for job in jobs if job.refusal is None}
    whose = {
        track: whose_content(same[track]) or [f"recording: {surveyed[track].content_hash}"]
        for track in facts
    }
    named = groups(whose)

    def placed(job: Job) -> Job:
        if job.refusal is not None:
            return job
        split = split_of(named[job.track], recipe.splits, recipe.seed)
        return replace(facts[job.track], split=split).beside(job)

    return [placed(job) for job in jobs]


def _check_commercial(jobs: Sequence[Job], recipe: DataRecipe) -> None:
    """
    Raises:
        SettingError: a backend, or a separator's weights, must not be used commercially.
    """
    licences = {
        f"the backend {each.backend}": ladder_recipe(each).backend.licence
        for each in recipe.here.render
        if isinstance(each, Ladder)
    }
    for settings in {job.settings for job in jobs if job.refusal is None}:
        traits = SeparatorTraits(build(settings).separator)
        licences[f"the separator {settings.separator}"] = traits.weights_licence or ""
    for what, licence in licences.items():
        if forbids_commerce(licence):
            raise SettingError(
                f"--commercial-only: {what} is under {licence}, which forbids commercial use; "
                "choose another"
            )


def _check_splits(jobs: Sequence[Job], prints: Prints) -> None:
    """
    Raises:
        SettingError: recordings in different splits are alike.
    """
    splits = {job.track: SourceFacts.of(job).split for job in jobs if job.refusal is None}
    across = [(a, b) for a, b in alike(prints, list(splits)) if splits[a] != splits[b]]
    if across:
        shown = "; ".join(f"{a} ({splits[a]}) and {b} ({splits[b]})" for a, b in across[:5])
        more = f"; and {len(across) - 5} more pairs" if len(across) > 5 else ""
        raise SettingError(
            f"recordings in different splits hold the same sound: {shown}{more}. Give them the "
            "same artist (or song) in a list, or leave one out"
        )


def lock_of(recipe: DataRecipe, jobs: Sequence[Job], surveyed: Mapping[str, Surveyed]) -> Lock:
    """The lock of a data set that is begun."""
    sources = dict[str, str]()
    for job in jobs:
        seen = surveyed.get(job.track)
        if job.refusal is None and seen is not None:
            sources[job.track] = digest(
                seen.content_hash, seen.stem, job.list_columns, job.settings
            )
        elif job.refused_as == "failed":
            sources[job.track] = ""
    return Lock(recipe_key=recipe.key, sources=sources, sound=recipe.sound)
