"""The stages of one track: scan, separate, morph, assemble. The only place where the parts meet.

Each stage leaves its result in the workspace under a name that says all that it depends on, and
does nothing if it is there already: that is resuming, the stem cache and re-running in one.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from morphsep import audio, files, manifest
from morphsep.assembly import Assembled, assemble, assemble_stems, decibels
from morphsep.errors import ErrorCode, SettingError, TrackError
from morphsep.grid import sections
from morphsep.inputs import Job
from morphsep.manifest import ChunkRow, TrackRow
from morphsep.metrics.loudness import LoudnessMeter, rms_per_second
from morphsep.morphing import Morpher, measure_warp
from morphsep.scan import Scan, open_mix, scan
from morphsep.settings import Recipe, build, describe
from morphsep.signal import MODEL_RATE, Signal
from morphsep.tones import Tone
from morphsep.tones.matching import measure_trim, trimmed
from morphsep.workspace import SectionStore, Workspace

log = logging.getLogger("morphsep")

Stage = Literal["scan", "separate", "morph", "assemble"]
Task = Literal["morph", "separate"]


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
    track = _Track(job=job, workspace=Workspace(out), task=task, on_progress=on_progress)
    try:
        done = track.run(None if force else previous)
    except Exception as error:
        code, message = _blame(error)
        if code == "internal":
            log.exception("%s: a defect of morphsep, please report it", job.path)
        status = job.refused_as if job.refusal else "failed"
        row = replace(track.row(), status=status, error_code=code, message=message)
        return Outcome(manifest.commit(out, row))
    if done is not None:
        return Outcome(done, fresh=False)
    row = manifest.commit(out, track.row(), track.chunks)
    track.clean_up()
    return Outcome(row)


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
    return "internal", f"{type(error).__name__}: {error}"


@dataclass(kw_only=True)
class _Track:
    """One job on its way through the stages."""

    job: Job
    workspace: Workspace
    task: Task
    on_progress: OnProgress
    chunks: list[ChunkRow] = field(default_factory=list)
    _values: dict[str, object] = field(default_factory=dict)
    _change: SectionStore | None = None

    def run(self, previous: TrackRow | None) -> TrackRow | None:
        """Does the stages; or returns the previous row, if it still holds."""
        if self.job.refusal:
            raise TrackError(*self.job.refusal)
        recipe = build(self.job.settings)
        with self._timed("scan"):
            source = scan(self.job.path, self.workspace, self.job.settings.channels)
            stem_path = self._stem_path()
            stem_key = recipe.stem_key(
                source.content_hash, files.digest_file(stem_path) if stem_path else ""
            )
        key = recipe.key(stem_key) if self.task == "morph" else recipe.stems_key(stem_key)
        if previous is not None and previous.key == key and still_there(previous, self.out):
            return previous
        self._note_input(source, recipe, stem_key, key)
        with self._timed("separate"):
            stem = self._separate(source, recipe, stem_key, stem_path)
        if self.task == "separate":
            with self._timed("assemble"):
                self._write_stems(source, stem)
            return None
        with self._timed("morph"), _one_blas_thread():
            change = self._change = self._morph(source, recipe, stem, stem_key, key)
        with self._timed("assemble"):
            self._assemble(source, recipe, stem, change)
        return None

    @property
    def out(self) -> Path:
        return self.workspace.out

    def row(self) -> TrackRow:
        """What is known of the track so far, as its row."""
        reason = self.job.separator_reason
        values = {"separator_reason": reason, "settings": describe(self.job.settings)}
        values |= {"versions": _versions(), "to_tone": self.job.settings.to}
        known = values | self._values
        return TrackRow(track=self.job.track, input=self.job.path, **known)  # type: ignore[arg-type]

    def clean_up(self) -> None:
        """Removes what a finished track needs no more; the stem stays, for the next amount."""
        if self._change is not None:
            self._change.discard()
        content = str(self._values.get("content_hash"))
        self.workspace.decoded_file(content, self.job.settings.channels).unlink(missing_ok=True)

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
        else:
            self._values["to_tone"] = None

    def _separate(
        self, source: Scan, recipe: Recipe, stem_key: str, stem_path: str | None
    ) -> SectionStore:
        store = self.workspace.stem(stem_key, source.num_channels)
        advance = self._reporter("separate", source.model_length)
        reached = 0

        def reach(sample: int) -> None:
            nonlocal reached
            advance(max(sample - reached, 0))
            reached = max(sample, reached)

        if files.read_json(_facts(store)) is not None:
            reach(source.model_length)
            return store
        with open_mix(source, stem_path, reach) as mix:
            for section in sections(source.model_length, recipe.section):
                if not store.has(section):
                    with store.writer(section) as file:
                        file.write(recipe.separator.separate(mix, section.start, section.stop))
                reach(section.stop)
        _finish_stem(store, source.model_length)
        return store

    def _morph(
        self, source: Scan, recipe: Recipe, stem: SectionStore, stem_key: str, key: str
    ) -> SectionStore:
        facts = files.read_json(_facts(stem))
        assert facts is not None  # written by `_separate`, before anything reads the stem
        recipe = self._matched(recipe, stem, source.model_length, facts)
        morpher = Morpher(
            track=self.job.track, key=key, recipe=recipe, stem=stem,
            num_samples=source.model_length, level=facts["lufs"], warp=None,
        )  # fmt: skip
        if recipe.settings.uniform and not recipe.curve.is_trivial and facts["peak"] > 0:
            path = self.workspace.warp_file(recipe.warp_key(stem_key))
            morpher.warp = measure_warp(morpher, path, facts["rms_per_second"])
            self._values["warp"] = json.dumps(morpher.warp.to_json())
        change = self.workspace.change(key, source.num_channels)
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
        self, source: Scan, recipe: Recipe, stem: SectionStore, change: SectionStore
    ) -> None:
        settings = self.job.settings
        output = audio.output_format(source.info, settings.format, settings.subtype)
        path = self._output_path(source, output)
        advance = self._reporter("assemble", source.model_length)
        made = assemble(source, stem, change, path, output)
        advance(source.model_length)
        self._note_output(path, output, made)

    def _output_path(self, source: Scan, output: audio.OutputFormat) -> Path:
        """The planned path, with a true extension if the input's was not."""
        path = self.out / self.job.track
        if source.info.is_lossy and path.suffix.lower() != output.extension:
            path = path.with_name(path.name + output.extension)
        return path

    def _write_stems(self, source: Scan, stem: SectionStore) -> None:
        settings = self.job.settings
        output = audio.output_format(
            source.info, settings.format or "wav", settings.subtype or "FLOAT"
        )
        name = self.out / self.job.track
        guitar = name.with_name(f"{name.stem}.guitar{output.extension}")
        backing = name.with_name(f"{name.stem}.backing{output.extension}")
        made = assemble_stems(source, stem, guitar, backing, output)
        self._note_output(guitar, output, made)
        self._values["backing"] = _below(backing, self.out)

    def _note_output(self, path: Path, output: audio.OutputFormat, made: Assembled) -> None:
        self._values |= {
            "status": "ok", "output": _below(path, self.out),
            "output_bytes": path.stat().st_size, "output_hash": files.digest_file(path),
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


def still_there(row: TrackRow, out: Path) -> bool:
    """Whether a row's files are as it left them, by their sizes (`verify` reads them)."""
    if row.status != "ok" or row.output is None:
        return False
    path = out / row.output
    whole = path.is_file() and path.stat().st_size == row.output_bytes
    return whole and (row.backing is None or (out / row.backing).is_file())


def _below(path: Path, out: Path) -> str:
    return path.relative_to(out).as_posix()


def _facts(stem: SectionStore) -> Path:
    """What was measured of a stem; its being there says that the stem is whole."""
    return stem.folder / "facts.json"


def _finish_stem(stem: SectionStore, num_samples: int) -> None:
    loudness = LoudnessMeter(MODEL_RATE, stem.num_channels)

    def blocks() -> Iterator[Signal]:
        for section in sections(num_samples, 10 * MODEL_RATE):
            block = stem.read(section.start, section.num_samples)
            loudness.add(block)
            yield block

    rms = rms_per_second(blocks(), MODEL_RATE)
    facts = {"lufs": loudness.integrated(), "peak": loudness.peak, "rms_per_second": rms.tolist()}
    files.write_json(_facts(stem), facts)


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
