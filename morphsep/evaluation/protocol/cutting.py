"""Clips cut from recordings of guitars: which windows are taken, spread over the recordings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from morphsep.audio import AudioReader, blocks, decode_to
from morphsep.dsp import MODEL_RATE, ArrayReader, ModelRateReader, Seconds, Signal, from_db
from morphsep.dsp import rms_per_second as loudness_of_seconds
from morphsep.dsp import samples as in_samples
from morphsep.errors import SettingError, TrackError
from morphsep.evaluation.tasks import Transition
from morphsep.request import Job
from morphsep.storage import StorageError, digest, digest_file, location

LEAST_SECONDS: Seconds = 1.0
"""Recordings below are left out; longer ones that are shorter than a clip are one clip."""
PLAYED = from_db(-40.0)
"""RMS of each second of a clip, against the loudest second of its recording: a guitar plays."""
QUIET = from_db(-70.0)
"""RMS of the loudest second below which a recording is taken as silent."""
NAME = 40
"""Characters of a file's name that are kept in names of items."""
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clip:
    """The notes of one pair of ends."""

    transition: Transition
    source: str
    """Which recording: its name and a digest of its file."""
    start: Seconds
    guitar: Signal
    """``[C, T]`` at 44.1 kHz, as recorded."""

    @property
    def item(self) -> str:
        """Its name in tables and folders, the same wherever the recording lies."""
        seconds = round(self.guitar.shape[1] / MODEL_RATE, 3)
        return f"{self.transition.name}/{self.source}@{self.start:g}+{seconds:g}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A recording, and where a guitar plays in it."""

    name: str
    """Of the file, with a digest of its bytes: decoders of other machines give other samples."""
    content: str
    """A digest of the samples."""
    job: Job
    """Where it lies; read again for its clips, so that not all recordings are held at once."""
    length: int
    """Samples of a clip."""
    starts: Sequence[int]

    def in_drawn_order(self, passages: str) -> list[int]:
        """All starts, in an order drawn by `Transition.passages` and the recording's name, which
        holds a digest of its file: the same on any machine."""
        return sorted(self.starts, key=lambda start: digest(self.name, passages, start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What inputs are."""

    sources: Sequence[Source]
    """Each content once, sorted by name."""
    left_out: Mapping[str, str]
    """Paths of recordings that give no clips, with the reason."""
    unreadable: Mapping[str, str]
    """Paths of what could not be read, with the reason."""


def read_sources(jobs: Iterable[Job], seconds: Seconds) -> Found:
    """Recordings with a guitar in them.

    Raises:
        SettingError: there are none.
        StorageError: storage or disk are at fault, and not a recording.
    """
    found, left_out, unreadable = dict[str, Source](), dict[str, str](), dict[str, str]()
    for job in jobs:
        try:
            source = _source(job, *_read(job), seconds)
        except SettingError as error:
            left_out[job.path] = str(error)
        except TrackError as error:
            (left_out if job.refused_as == "skipped" else unreadable)[job.path] = str(error)
        else:
            if (first := found.setdefault(source.content, source)) is not source:
                left_out[job.path] = f"the same sound as {first.name}"
    if not found:
        reasons = (left_out | unreadable).items()
        raise SettingError("; ".join(f"{path}: {why}" for path, why in reasons))
    sources = sorted(found.values(), key=lambda source: source.name)
    return Found(sources=sources, left_out=left_out, unreadable=unreadable)


def cut(sources: Sequence[Source], transitions: Iterable[Transition], pairs: int) -> list[Clip]:
    """Up to `pairs` clips for each transition; no recording has one more than another that has
    any left.

    Raises:
        TrackError: a recording has changed since `read_sources`, or cannot be read any more.
        StorageError: storage or disk are at fault.
    """
    drawn = [
        (source, transition, start)
        for transition in transitions
        for source, start in islice(_in_turn(sources, transition.passages), pairs)
    ]
    return [
        clip
        for source in sources
        for clip in _clips(source, [(each, start) for of, each, start in drawn if of is source])
    ]


def _in_turn(sources: Sequence[Source], passages: str) -> Iterator[tuple[Source, int]]:
    drawn = sorted(sources, key=lambda source: digest(passages, source.name))
    piles = [(source, source.in_drawn_order(passages)) for source in drawn]
    for turn in range(max(len(starts) for _, starts in piles)):
        yield from ((source, starts[turn]) for source, starts in piles if turn < len(starts))


def _clips(source: Source, drawn: Sequence[tuple[Transition, int]]) -> Iterator[Clip]:
    """Of a transition and a start each; the samples of a passage are held once for all."""
    if not drawn:
        return
    guitar, _ = _read(source.job)
    if content_of(guitar) != source.content:
        raise TrackError("changed_while_read", f"{source.job.path} changed while it was read")
    passages = {
        start: guitar[:, start : start + source.length].copy() for start in {at for _, at in drawn}
    }
    for transition, start in drawn:
        yield Clip(
            transition=transition, source=source.name, start=round(start / MODEL_RATE, 3),
            guitar=passages[start],
        )  # fmt: skip


def _read(job: Job) -> tuple[Signal, str]:
    """``[C, T]`` at 44.1 kHz, and a digest of the file.

    Raises:
        TrackError: it cannot be read.
        StorageError: storage or disk are at fault.
    """
    if job.refusal:
        raise TrackError(*job.refusal)
    try:
        return _decoded(job)
    except FileNotFoundError as error:
        raise TrackError("not_found", f"{job.path} is not there") from error
    except SettingError as error:
        raise TrackError("storage", str(error)) from error
    except TrackError as error:
        raise _as_said_here(error, job) from error


def _as_said_here(error: TrackError, job: Job) -> TrackError | StorageError:
    if error.code == "too_many_channels":  # the usual sentence names an option of `morph`
        name = Path(job.path).name
        return TrackError(error.code, f"{name} has more than two channels; save one or two of them")
    return StorageError(str(error)) if error.code == "disk_full" else error


def _decoded(job: Job) -> tuple[Signal, str]:
    with location(job.path).reading() as here, TemporaryDirectory() as scratch:
        of_file = digest_file(here)
        wav = Path(scratch) / "decoded.wav"
        decode_to(str(here), str(wav))
        with AudioReader(str(wav)) as reader:
            samples = np.concatenate(list(blocks(reader, BLOCK)), axis=1)
            rate = reader.info.sample_rate
    resampled = ModelRateReader(ArrayReader(samples, rate))
    return resampled.read(0, resampled.num_samples), of_file


def _source(job: Job, guitar: Signal, of_file: str, seconds: Seconds) -> Source:
    """
    Raises:
        SettingError: it is too short, or no guitar plays for as long as a clip.
    """
    length = min(in_samples(seconds), guitar.shape[1])
    if length < in_samples(LEAST_SECONDS):
        raise SettingError(f"shorter than {LEAST_SECONDS:g} s")
    loudest = loudness_of_seconds([guitar], MODEL_RATE).max()
    starts = [
        start for start in range(0, guitar.shape[1] - length + 1, length)
        if _plays(guitar[:, start : start + length], loudest)
    ]  # fmt: skip
    if not starts:
        raise SettingError(f"silent, or no guitar plays for {length / MODEL_RATE:.3g} s")
    content = content_of(guitar)
    name = f"{Path(job.path).stem[:NAME]}-{of_file[:8]}"
    return Source(name=name, content=content, job=job, length=length, starts=starts)


def content_of(guitar: Signal) -> str:
    """A digest of samples."""
    return sha256(np.ascontiguousarray(guitar).tobytes()).hexdigest()


def _plays(window: Signal, loudest: float) -> bool:
    """Whether each whole second of a window is loud enough."""
    whole = window[:, : window.shape[1] // MODEL_RATE * MODEL_RATE]
    return bool(
        loudest > QUIET and loudness_of_seconds([whole], MODEL_RATE).min() > PLAYED * loudest
    )
