"""The stages of one track: scan, separate, morph, assemble. The only place where the parts meet.

Each stage leaves its result in the workspace under a name that says all that it depends on, and
does nothing if it is there already: that is resuming, the stem cache and re-running in one.
"""

from __future__ import annotations

import json
import logging
import platform
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from morphsep import audio, files, manifest
from morphsep.assembly import Assembled, assemble, assemble_stems, decibels
from morphsep.errors import ErrorCode, SettingError, TrackError
from morphsep.grid import sections
from morphsep.inputs import Job, Task, backing_of
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.morphing import Morpher, measure_warp
from morphsep.scan import Readable, Scan, scan
from morphsep.settings import Recipe, build, describe
from morphsep.stems import make_stem
from morphsep.tones import Tone
from morphsep.tones.matching import measure_trim, trimmed
from morphsep.workspace import SectionStore, Workspace

log = logging.getLogger("morphsep")

Stage = Literal["scan", "separate", "morph", "assemble"]


@dataclass(frozen=True, slots=True)
class Event:
    """How far a track is; progress displays are made of these."""

    track: str
    stage: Stage
    done: int
    """Samples at 44.1 kHz that this stage has finished."""
    total: int


OnProgress = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job, and whether anything had to be done for it."""

    row: TrackRow
    fresh: bool = True


def process(
    job: Job,
    out: Path,
    *,
    task: Task = "morph",
    previous: TrackRow | None = None,
    force: bool = False,
    on_progress: OnProgress = lambda event: None,
) -> Outcome:
    """Does one job and commits its rows. A fault of the file becomes its row.

    Args:
        previous: the track's row of an earlier run; if it still holds, nothing is done.
        force: do it even so.

    Raises:
        OSError: the manifest itself cannot be written; nothing more can be done in this folder.
    """
    track = _Track(
        job=job, workspace=Workspace(out), task=task, force=force, on_progress=on_progress
    )
    try:
        done = track.run(previous)
    except Exception as error:
        code, message = _blame(error)
        if code == "internal":
            log.exception("%s: a defect of morphsep, please report it", job.path)
        status = job.refused_as if job.refusal else "failed"
        row = replace(track.row(), status=status, error_code=code, message=message)
        return Outcome(manifest.commit(out, row))
    finally:
        track.close()
    if done is not None:
        return Outcome(done, fresh=False)
    return Outcome(manifest.commit(out, track.row(), track.chunks))


def _blame(error: Exception) -> tuple[ErrorCode, str]:
    """The code and the sentence for what went wrong with a track."""
    if isinstance(error, TrackError):
        return error.code, error.message
    if isinstance(error, SettingError):
        return "format_not_possible", str(error)
    if files.is_full(error):
        return "disk_full", "the disk is full; make room and run the same command again"
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "out_of_memory", "out of memory; try a shorter --section, or another device"
    if isinstance(error, PermissionError):
        return "no_permission", f"not allowed: {error.filename}; change its permissions"
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}, line {where.lineno}"
    return "internal", f"{type(error).__name__}: {error} ({place}); please report this"


@dataclass(kw_only=True)
class _Track:
    """One job on its way through the stages."""

    job: Job
    workspace: Workspace
    task: Task
    force: bool
    on_progress: OnProgress
    chunks: list[ChunkRow] = field(default_factory=list)
    _values: dict[str, Any] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def run(self, previous: TrackRow | None) -> TrackRow | None:
        """Does the stages; or returns the previous row, if it still holds."""
        if self.job.refusal:
            raise TrackError(*self.job.refusal)
        recipe = build(self.job.settings)
        with self._timed("scan"):
            readable = Readable(self.job.path, self.workspace, self.job.settings.channels)
            self._open.callback(readable.close)
            source = scan(readable, self.workspace, self.force)
            stem_path = self._stem_path()
            stem_key = recipe.stem_key(
                source.content_hash, files.digest_file(stem_path) if stem_path else ""
            )
        key = recipe.key(stem_key) if self.task == "morph" else recipe.stems_key(stem_key)
        if not self.force and previous is not None and holds(previous, key, self.out):
            return previous
        self._claim(previous)
        self._note_input(source, recipe, stem_key, key)
        stem = self.workspace.stem(stem_key, source.num_channels)
        if self.force:
            stem.discard()
        with self._timed("separate"):
            advance = self._reporter("separate", source.model_length)
            facts = make_stem(source, readable, recipe, stem, stem_path, advance)
        if self.task == "separate":
            with self._timed("assemble"):
                self._write_stems(source, readable, stem)
            return None
        with self._timed("morph"), _one_blas_thread():
            change = self._morph(source, recipe, stem, facts, key)
        with self._timed("assemble"):
            self._assemble(source, readable, stem, change)
        self._open.callback(change.discard)
        return None

    def close(self) -> None:
        """Removes what the track needs no more; the stem stays, for the next amount."""
        self._open.close()

    @property
    def out(self) -> Path:
        return self.workspace.out

    def row(self) -> TrackRow:
        """What is known of the track so far, as its row."""
        known = {
            "separator_reason": self.job.separator_reason,
            "settings": describe(self.job.settings),
            "versions": _versions(),
            "to_tone": self.job.settings.to if self.task == "morph" else None,
        }
        return TrackRow(track=self.job.track, input=self.job.path, **known | self._values)

    def _claim(self, previous: TrackRow | None) -> None:
        """Makes sure that nobody else's file is overwritten.

        Raises:
            TrackError: the output is another input's result, or a file that no run has written.
        """
        note = self.workspace.claim(self.job.track)
        if self.force:
            pass
        elif previous is not None and previous.status == "ok" and previous.input != self.job.path:
            if Path(previous.input).exists():
                raise TrackError(
                    "output_taken",
                    f"{self.job.track} is already the result of {previous.input}; "
                    "choose another output folder, or --force",
                )
        elif previous is None and not note.exists() and (self.out / self.job.track).exists():
            raise TrackError(
                "output_taken",
                f"there is a file {self.job.track} in the output folder that is not ours; "
                "choose another output folder, or --force",
            )
        files.write_json(note, {"track": self.job.track, "input": self.job.path})

    @contextmanager
    def _timed(self, stage: Stage) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._values[f"seconds_{stage}"] = time.perf_counter() - began

    def _reporter(self, stage: Stage, total: int) -> Callable[[int], None]:
        done = 0

        def advance(num_samples: int) -> None:
            nonlocal done
            done += num_samples
            self.on_progress(Event(self.job.track, stage, min(done, total), total))

        advance(0)
        return advance

    def _stem_path(self) -> str | None:
        if self.job.settings.stem is None:
            return None
        from morphsep.separators.stem import resolve_stem

        path = resolve_stem(self.job.settings.stem, self.job.path)
        if not Path(path).is_file():
            raise TrackError("stem_not_found", f"there is no stem at {path}; see --stem")
        return path

    def _note_input(self, source: Scan, recipe: Recipe, stem_key: str, key: str) -> None:
        s = self.job.settings
        self._values |= {
            "content_hash": source.content_hash, "key": key, "stem_key": stem_key,
            "format": source.format, "subtype": source.subtype,
            "sample_rate": source.sample_rate, "num_channels": source.num_channels,
            "num_samples": source.num_samples,
            "duration": source.num_samples / source.sample_rate,
            "separator": s.separator, "weights_hash": recipe.separator.weights_hash,
            "peak_before_dbfs": decibels(source.peak),
            "true_peak_before_dbtp": decibels(source.true_peak),
            "lufs_before": _finite(source.lufs),
        }  # fmt: skip
        if self.task == "morph":
            self._values |= {
                "from_tone": s.from_, "amount": str(recipe.curve), "backend": recipe.backend.name,
                "num_chunks": recipe.grid.num_chunks(source.model_length),
            }  # fmt: skip

    def _morph(
        self, source: Scan, recipe: Recipe, stem: SectionStore, facts: dict[str, Any], key: str
    ) -> SectionStore:
        recipe = self._matched(recipe, stem, source.model_length, facts)
        morpher = Morpher(
            track=self.job.track, key=key, recipe=recipe, stem=stem,
            num_samples=source.model_length, level=facts["lufs"], warp=None,
        )  # fmt: skip
        if recipe.settings.uniform and not recipe.curve.is_trivial and facts["peak"] > 0:
            path = stem.folder / "warps" / f"{recipe.warp_key()}.json"
            morpher.warp = measure_warp(morpher, path, facts["rms_per_second"])
            self._values["warp"] = json.dumps(morpher.warp.to_json())
        change = self.workspace.change(self.job.track, key, recipe.section, source.num_channels)
        if self.force:
            change.discard()
        morpher.on_samples = self._reporter("morph", source.model_length)
        for section in sections(source.model_length, recipe.section):
            self.chunks += morpher.section(section, change)
        self._values |= _summary(self.chunks) | {"stem_lufs": _finite(facts["lufs"])}
        return change

    def _matched(
        self, recipe: Recipe, stem: SectionStore, num_samples: int, facts: dict[str, Any]
    ) -> Recipe:
        """The recipe with both tones trimmed to the loudness of this track's stem."""
        tones: dict[str, Tone] = {}
        for which, tone in (("from", recipe.source), ("to", recipe.target)):
            path = stem.folder / "trims" / f"{files.digest(tone.fingerprint())}.json"
            trim = files.read_json(path)
            if trim is None:
                trim = measure_trim(
                    tone, stem.read, num_samples, facts["rms_per_second"], facts["lufs"]
                )
                files.write_json(path, trim)
            self._values[f"{which}_trim_db"] = trim
            tones[which] = trimmed(tone, trim)
        return replace(recipe, source=tones["from"], target=tones["to"])

    def _assemble(
        self, source: Scan, readable: Readable, stem: SectionStore, change: SectionStore
    ) -> None:
        path = self.out / self.job.track
        output = output_of(self.job, source.info, self.task)
        advance = self._reporter("assemble", source.model_length)
        made = assemble(source, readable, stem, change, path, output)
        advance(source.model_length)
        self._note_output(path, output, made)

    def _write_stems(self, source: Scan, readable: Readable, stem: SectionStore) -> None:
        output = output_of(self.job, source.info, self.task)
        guitar, backing = self.out / self.job.track, self.out / backing_of(self.job.track)
        made = assemble_stems(source, readable, stem, guitar, backing, output)
        self._note_output(guitar, output, made)
        self._values |= {
            "backing": _below(backing, self.out),
            "backing_hash": files.digest_file(backing),
        }

    def _note_output(self, path: Path, output: audio.OutputFormat, made: Assembled) -> None:
        self._values |= {
            "status": "ok", "output": _below(path, self.out),
            "output_hash": files.digest_file(path),
            "output_format": output.format, "output_subtype": output.subtype,
            "gain_db": decibels(made.gain), "peak_dbfs": decibels(made.peak),
            "true_peak_dbtp": decibels(made.true_peak), "lufs": _finite(made.lufs),
            "null_residual_dbfs": decibels(made.null_residual), "tags_warning": made.tags_warning,
        }  # fmt: skip


def _one_blas_thread() -> AbstractContextManager[Any]:
    """Keeps BLAS from using threads: a chunk's matrices are so small that they lose by it, eight
    times over where other processes share the cores."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limits


def output_of(job: Job, info: audio.AudioInfo, task: Task) -> audio.OutputFormat:
    """How a job's result is written: its name was settled with the job, and says the format.

    Raises:
        SettingError: the input's samples cannot be held by what was asked for.
    """
    wanted = job.settings.format or audio.format_of(job.track, info)
    subtype = job.settings.subtype
    if task == "separate" and subtype is None:
        # stem and backing may exceed full scale, and have to add up to the last bit
        subtype = "PCM_24" if (wanted or info.format).upper() == "FLAC" else "FLOAT"
    return audio.output_format(info, wanted, subtype)


def holds(row: TrackRow, key: str, out: Path) -> bool:
    """Whether a row's files are there, and are what it says, for the same key."""
    if row.status != "ok" or row.key != key:
        return False
    wanted = ((row.output, row.output_hash), (row.backing, row.backing_hash))
    return all(
        name is None or ((out / name).is_file() and files.digest_file(out / name) == digest)
        for name, digest in wanted
    )


def _below(path: Path, out: Path) -> str:
    return path.relative_to(out).as_posix()


def _summary(chunks: list[ChunkRow]) -> dict[str, object]:
    steps = [row.seam_step_db for row in chunks if row.seam_step_db is not None]
    flux = [row.seam_flux_db for row in chunks if row.seam_flux_db is not None]
    return {
        "num_morphed": sum(row.status == "morphed" for row in chunks),
        "worst_step_db": max(steps, default=None),
        "worst_flux_db": max(flux, default=None),
    }


def _finite(level: float) -> float | None:
    return level if level > float("-inf") else None


@cache
def _versions() -> str:
    packages = ("morphsep", "numpy", "scipy", "soundfile", "soxr", "pedalboard", "torch", "demucs")
    return json.dumps({"python": platform.python_version()} | {p: version(p) for p in packages})
