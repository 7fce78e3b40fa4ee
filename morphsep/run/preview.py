"""Twenty seconds of each input, as inputs of their own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from morphsep import audio, request
from morphsep.dsp import Seconds, samples
from morphsep.errors import SettingError, TrackError
from morphsep.request import Job, Settings
from morphsep.storage import absolute, is_remote

log = logging.getLogger("morphsep")

LENGTH: Seconds = 20.0


def cut_inputs(names: Sequence[str], out: str, settings: Settings, at: str) -> list[Job]:
    """Jobs on ``OUT/before/NAME.wav``: the 20 s from `at` of every input (its last 20 s, if it
    ends before that), with the user's stem cut alike. An input that cannot be read stays a job,
    and becomes a failed row.

    Raises:
        SettingError: as `morphsep.request.collect`; `at` is no time; something is not a local file.
    """
    if any(is_remote(text) for text in (*names, out)):
        raise SettingError("a preview is made of local files; copy one song here first")
    start = request.parse_time(at)
    jobs = request.collect(names, out, replace(settings, format="wav"))
    return [_cut(job, Path(absolute(out)), start) for job in jobs]


def _cut(job: Job, out: Path, start: Seconds) -> Job:
    if job.refusal is not None:
        return job
    before = out / "before" / job.track
    own, cut_stem = _own_stem(job), None
    try:
        start, length = _span(job.path, start)
        _write(job.path, before, start, length, job.settings.channels)
        if own is not None:
            cut_stem = str(before.with_suffix(".guitar.wav"))
            _write(own, Path(cut_stem), start, length, None)
    except TrackError as error:
        return replace(job, refusal=(error.code, error.message))
    settings = replace(job.settings, stem=cut_stem, channels=None)
    return replace(job, path=str(before), settings=settings)


def _own_stem(job: Job) -> str | None:
    if job.settings.stem is None:
        return None
    from morphsep.separators.own_stem import resolve_stem

    return resolve_stem(job.settings.stem, job.path)


def _span(path: str, start: Seconds) -> tuple[Seconds, Seconds]:
    """(start, length) of the excerpt; it begins earlier than asked if the end is near."""
    duration = audio.probe(path).duration
    if start >= duration:
        taken = min(LENGTH, duration)
        log.warning("%s ends at %.2f s, before --at; taking its last %.2f s", path, duration, taken)
    start = max(min(start, duration - LENGTH), 0.0)
    return start, min(LENGTH, duration - start)


def _write(
    path: str, cut: Path, start: Seconds, length: Seconds, channels: tuple[int, int] | None
) -> None:
    info = audio.probe(path)
    if not info.is_seekable:
        whole = cut.with_suffix(".whole.wav")
        audio.decode_to(path, str(whole), channels)
        try:
            _write(str(whole), cut, start, length, None)
        finally:
            whole.unlink()
        return
    rate = info.sample_rate
    with audio.AudioReader(path, channels) as reader:
        form = audio.output_format(info, "wav", None)
        with audio.AudioWriter(str(cut), rate, reader.info.num_channels, form) as writer:
            span = samples(start, rate), max(samples(length, rate), 1)
            writer.write(reader.read(*span, dtype="float64"))
