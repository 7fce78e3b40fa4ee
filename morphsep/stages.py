"""The stages of a track: prepare, separate, measure, morph, assemble. Where the parts meet.

A stage takes one `Clip` and gives the clips that follow from it. What it makes lies in the
workspace under a name that says all that it depends on, and what is there is not made again: that
is resuming, the stem cache, retrying and re-running in one. Sections of a track may be worked on
anywhere, in any order and twice: one that finds them all finished passes the whole track on.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from morphsep import files, manifest, track_row
from morphsep.clip import Clip, Outcome
from morphsep.errors import SettingError, TrackError
from morphsep.grid import sections
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.morphing import Morphed, Morpher, morphed
from morphsep.output import write_song, write_stems
from morphsep.pair import Pair, known_pair, measure_pair
from morphsep.scan import Readable, changed, local_copy, scan
from morphsep.section_store import SectionStore
from morphsep.settings import Recipe
from morphsep.signal import Seconds
from morphsep.stems import (
    measure_stem,
    missing_sections,
    seconds_spent,
    separate_section,
    stem_facts,
)
from morphsep.storage import Location, location
from morphsep.storage_lock import SETTLE
from morphsep.storage_turn import turn
from morphsep.uniform import Warp
from morphsep.work import Work


def prepare(work: Work, clip: Clip) -> list[Clip]:
    """Reads and measures a track's input, and finds the sections that have to be separated.

    Raises:
        TrackError: the input cannot be done.
    """
    job = clip.job
    if job.refusal:
        raise TrackError(*job.refusal)
    began = time.perf_counter()
    recipe = work.recipe(job.settings)
    readable = _readable(work, clip)
    source = scan(readable, work.workspace, work.force)
    own_stem = _own_stem(work, clip)
    stem_key = recipe.stem_key(source.content_hash, files.digest_file(own_stem) if own_stem else "")
    key = recipe.key(stem_key) if work.task == "morph" else recipe.stems_key(stem_key)
    previous = clip.previous
    if not work.force and previous is not None and _holds(work, previous, key):
        _clear(work, clip)
        return [replace(clip, outcome=Outcome(previous, fresh=False))]
    _claim(work, clip)
    clip = replace(
        clip, previous=None, scan=source, stamp=readable.stamp, stem_key=stem_key, key=key,
        scan_seconds=time.perf_counter() - began,
    )  # fmt: skip
    stem = _stem(work, clip)
    if work.force:
        _discard_once(work, stem)
        _discard_once(work, _change(work, clip, recipe))
    missing = missing_sections(stem, source, recipe)
    return [replace(clip, section=section, separated=True) for section in missing] or [clip]


def separate(work: Work, clip: Clip) -> list[Clip]:
    """Writes a section of the stem. The last one passes the track on.

    Raises:
        TrackError: the track cannot be separated.
    """
    section = clip.section
    if section is None:
        return [clip]
    recipe = work.recipe(clip.job.settings)
    stem = _stem(work, clip)
    reach = work.reporter(clip, "separate", section.start)
    with _turn(work, clip, stem):
        separate_section(
            section, clip.source, _readable(work, clip), recipe, stem, _own_stem(work, clip), reach
        )
    return _passed_on(work, clip, "separate", recipe, stem)


def measure(work: Work, clip: Clip) -> list[Clip]:
    """Takes what has to be the same for all of a track from its whole stem, and finds the
    sections that have to be morphed."""
    stem, source = _stem(work, clip), clip.source
    facts = stem_facts(stem, source.model_length) or measure_stem(stem, source.model_length)
    if work.task == "separate":
        return [clip]
    recipe = work.recipe(clip.job.settings)
    if known_pair(recipe, stem) is None:
        with _one_blas_thread():
            measure_pair(recipe, stem, source.model_length, facts)
    done = _change(work, clip, recipe).finished()
    cut = sections(source.model_length, recipe.section)
    missing = [replace(clip, section=section) for section in cut if section not in done]
    return missing or [clip]


def morph(work: Work, clip: Clip) -> list[Clip]:
    """Writes what morphing changes in a section. The last one passes the track on.

    Raises:
        TrackError: the backend broke its contract.
    """
    section = clip.section
    if section is None:
        return [clip]
    recipe, stem = work.recipe(clip.job.settings), _stem(work, clip)
    pair, facts = _known(clip, recipe, stem)
    change = _change(work, clip, recipe)
    reach, reached = work.reporter(clip, "morph", section.start), section.start

    def advance(num_samples: int) -> None:
        nonlocal reached
        reached += num_samples
        reach(reached)

    morpher = Morpher(
        track=clip.job.track, key=clip.key, recipe=pair.matched(recipe), stem=stem,
        num_samples=clip.source.model_length, level=facts["lufs"], warp=pair.warp or Warp(),
        facts=pair.facts, on_samples=advance,
    )  # fmt: skip
    with _one_blas_thread():
        morpher.section(section, change)
    return _passed_on(work, clip, "morph", recipe, change)


def assemble(work: Work, clip: Clip) -> list[Clip]:
    """Writes the finished track and commits its rows.

    Raises:
        TrackError: the result cannot be written.
    """
    began = time.perf_counter()
    recipe, stem = work.recipe(clip.job.settings), _stem(work, clip)
    change = _change(work, clip, recipe)
    change.load()
    made = morphed(change)
    # asked last: another worker that saw the last section finished, too, may be clearing up
    if not _is_whole(clip, recipe, change):
        return []
    reach = work.reporter(clip, "assemble")
    values = write_song(work.workspace.out, clip, _readable(work, clip), stem, change)
    reach(clip.source.model_length)
    values |= _measured(clip, recipe, stem, made) | {
        "seconds_separate": _separating(clip, stem),
        "seconds_assemble": time.perf_counter() - began,
    }
    outcome = finish(work, clip, values, made.chunks)
    change.discard()
    return [replace(clip, outcome=outcome)]


def assemble_parts(work: Work, clip: Clip) -> list[Clip]:
    """Writes guitar and backing, and commits the track's row.

    Raises:
        TrackError: they cannot be written.
    """
    began = time.perf_counter()
    stem = _stem(work, clip)
    values = write_stems(work.workspace.out, clip, _readable(work, clip), stem)
    values |= {
        "seconds_separate": _separating(clip, stem),
        "seconds_assemble": time.perf_counter() - began,
    }
    return [replace(clip, outcome=finish(work, clip, values))]


def finish(
    work: Work, clip: Clip, values: dict[str, Any], chunks: Sequence[ChunkRow] = ()
) -> Outcome:
    """Commits a track's rows with these `values`, whatever became of it, and clears up after it.

    Raises:
        OSError: the manifest cannot be written.
    """
    row = replace(track_row.begun(clip, work), **values)
    row = replace(row, retries=work.retries(clip.job.track))
    out = work.workspace.out
    row = manifest.commit(out, row, chunks, after=clip.finished_before)
    # before anything is removed: whoever is at work on this track, too, will miss it
    work.workspace.ended(clip.job.track).write_json(work.run)
    _clear(work, clip)
    return Outcome(row)


def _clear(work: Work, clip: Clip) -> None:
    """Removes what only a track in the making needs; its stem stays, for the next amount."""
    shutil.rmtree(work.workspace.scratch(clip.job.track), ignore_errors=True)
    work.workspace.tries(clip.job.track).remove_tree()


def _readable(work: Work, clip: Clip) -> Readable:
    """The track's input.

    Raises:
        TrackError: it cannot be read, or is not what it was when the track was prepared.
    """
    scratch = work.workspace.scratch(clip.job.track)
    readable = Readable(clip.job.path, scratch, clip.job.settings.channels)
    if clip.stamp and readable.stamp != clip.stamp:
        raise changed()
    return readable


def _own_stem(work: Work, clip: Clip) -> str | None:
    """The user's stem on this machine, if there is one.

    Raises:
        TrackError: it is not there.
    """
    if clip.job.settings.stem is None:
        return None
    from morphsep.separators.stem import resolve_stem

    path = resolve_stem(clip.job.settings.stem, clip.job.path)
    if not location(path).exists():
        raise TrackError("stem_not_found", f"there is no stem at {path}; see --stem")
    return local_copy(path, work.workspace.scratch(clip.job.track))


def _stem(work: Work, clip: Clip) -> SectionStore:
    return work.workspace.stem(clip.stem_key, clip.source.num_channels)


def _change(work: Work, clip: Clip, recipe: Recipe) -> SectionStore:
    return work.workspace.change(clip.job.track, clip.key, recipe.section, clip.source.num_channels)


def _turn(work: Work, clip: Clip, stem: SectionStore) -> AbstractContextManager[None]:
    """Until whoever else makes the same section of the same stem has made it."""
    if clip.section is None or not clip.shares_stem or stem.has(clip.section):
        return nullcontext()
    return turn(work.workspace.turn(clip.stem_key, clip.section.start))


def _is_whole(clip: Clip, recipe: Recipe, store: SectionStore) -> bool:
    """Whether all sections of the track are finished in a store."""
    return store.finished().issuperset(sections(clip.source.model_length, recipe.section))


def _passed_on(
    work: Work, clip: Clip, stage: str, recipe: Recipe, store: SectionStore
) -> list[Clip]:
    """The whole track once all its sections are finished, by one of them alone: two may see the
    last one finished, and where another track has made the stem, all of them do.

    That one passes it on again whenever it is tried again: its worker may have died over it. In an
    object store, which has no locks, two that end in the same tenth of a second may both pass it
    on: that costs time, and the second counts as a retry.
    """
    assert clip.section is not None
    if not _is_whole(clip, recipe, store):
        return []
    mark = work.workspace.passed_on(clip.job.track, stage)
    ours = {"run": work.run, "start": clip.section.start}
    with files.only_one(mark.path) if mark.is_local else nullcontext():
        said = mark.read_json() or {}
        if said.get("run") != work.run:
            mark.write_json(said := ours)
            if clip.shares_stem and not mark.is_local:
                # all its sections come here at once: the last who wrote does it
                time.sleep(SETTLE)
                said = mark.read_json()
    return [replace(clip, section=None)] if said == ours else []


def _known(clip: Clip, recipe: Recipe, stem: SectionStore) -> tuple[Pair, dict[str, Any]]:
    """What `measure` has left."""
    pair, facts = known_pair(recipe, stem), stem_facts(stem, clip.source.model_length)
    assert pair is not None
    assert facts is not None
    return pair, facts


def _separating(clip: Clip, stem: SectionStore) -> Seconds:
    """What separating took in this run."""
    return seconds_spent(stem) if clip.separated else 0.0


def _discard_once(work: Work, store: SectionStore) -> None:
    """Removes what is left of an earlier run, but nothing that this one has made: several tracks
    may share a stem, and a track can be prepared twice."""
    mark = store.folder / "forced.json"
    # one at a time on this machine, and wherever a shared file system has locks
    with files.only_one(work.workspace.scratch(store.folder.name) / mark.name):
        if mark.read_json() != work.run:
            store.discard()
            mark.write_json(work.run)


def _measured(clip: Clip, recipe: Recipe, stem: SectionStore, made: Morphed) -> dict[str, Any]:
    """Columns about stem, tones and chunks."""
    pair, facts = _known(clip, recipe, stem)
    return track_row.of_chunks(made.chunks, facts["lufs"]) | {
        "from_trim_db": pair.from_trim_db,
        "to_trim_db": pair.to_trim_db,
        "warp": json.dumps(pair.warp.to_json()) if pair.warp else None,
        "fits": json.dumps([pair.from_facts, pair.to_facts]) if pair.is_fitted else None,
        "backend_warning": "; ".join(made.warnings) or None,
        "seconds_morph": pair.seconds + made.seconds,
    }


def _holds(work: Work, row: TrackRow, key: str) -> bool:
    """Whether a row's files are there, and are what it says, for the same key."""
    if row.status != "ok" or row.key != key:
        return False
    wanted = ((row.output, row.output_hash), (row.backing, row.backing_hash))
    return all(
        name is None or _digest(work.workspace.out, name) == digest for name, digest in wanted
    )


def _digest(out: Location, name: str) -> str | None:
    """sha256 of a result; None if it is not there, or not in the output folder at all."""
    try:
        with (out / name).reading() as path:
            return files.digest_file(path)
    except (FileNotFoundError, IsADirectoryError, SettingError):
        return None


def _claim(work: Work, clip: Clip) -> None:
    """Makes sure that nobody else's file is overwritten.

    Raises:
        TrackError: the output is another input's result, or a file that no run has written.
    """
    job, previous = clip.job, clip.previous
    note = work.workspace.claim(job.track)
    if work.force:
        pass
    elif previous is not None and previous.status == "ok" and previous.input != job.path:
        if location(previous.input).exists():
            raise TrackError(
                "output_taken",
                f"{job.track} is already the result of {previous.input}; "
                "choose another output folder, or --force",
            )
    elif previous is None and not note.exists() and (work.workspace.out / job.track).exists():
        raise TrackError(
            "output_taken",
            f"there is a file {job.track} in the output folder that is not ours; "
            "choose another output folder, or --force",
        )
    note.write_json({"track": job.track, "input": job.path})


def _one_blas_thread() -> AbstractContextManager[Any]:
    """Keeps BLAS from using threads: a chunk's matrices are so small that they lose by it, eight
    times over where other processes share the cores."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits
