"""Twenty seconds of each input, as inputs of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from morphsep import amount, audio, inputs
from morphsep.errors import SettingError, TrackError
from morphsep.grid import samples
from morphsep.inputs import Job
from morphsep.settings import Settings
from morphsep.signal import Seconds

LENGTH: Seconds = 20.0


def cut_inputs(names: Sequence[str], out: Path, settings: Settings, at: str) -> list[Job]:
    """Jobs on ``OUT/before/NAME.wav``: the 20 s from `at` of every input (of its end, if it is
    shorter), with the user's stem cut alike. Inputs that cannot be read stay as they are, and
    become failed rows.

    Raises:
        SettingError: as `morphsep.inputs.collect`; `at` is no time.
    """
    start = amount.parse_time(at)
    jobs = inputs.collect(names, out, settings)
    return [_cut(job, out, start) for job in jobs]


def _cut(job: Job, out: Path, start: Seconds) -> Job:
    track = str(PurePosixPath(job.track).with_suffix(".wav"))
    before = out / "before" / track
    if job.refusal is not None:
        return replace(job, track=track)
    try:
        start = _write(job.path, before, start)
        own = _own_stem(job)
        stem = None
        if own is not None:
            stem = before.with_suffix(".guitar.wav")
            _write(own, stem, start)
    except TrackError as error:
        return replace(job, track=track, refusal=(error.code, error.message))
    settings = replace(job.settings, stem=str(stem) if stem else None, channels=None)
    return replace(job, track=track, path=str(before), settings=settings)


def _own_stem(job: Job) -> str | None:
    if job.settings.stem is None:
        return None
    from morphsep.separators.stem import resolve_stem

    return resolve_stem(job.settings.stem, job.path)


def _write(path: str, cut: Path, start: Seconds) -> Seconds:
    """Writes the excerpt and returns where it begins: earlier than asked if the end is near."""
    info = audio.probe(path)
    if not info.is_seekable:
        whole = cut.with_suffix(".whole.wav")
        audio.decode_to(path, str(whole))
        try:
            return _write(str(whole), cut, start)
        finally:
            whole.unlink()
    length = samples(LENGTH, info.sample_rate)
    first = max(min(samples(start, info.sample_rate), info.num_samples - length), 0)
    with audio.AudioReader(path) as reader:
        form = audio.output_format(info, "wav", None)
        count = min(length, info.num_samples - first)
        with audio.AudioWriter(str(cut), info.sample_rate, info.num_channels, form) as writer:
            writer.write(reader.read(first, count, dtype="float64"))
    if info.num_samples == 0:
        raise SettingError(f"{path} holds no samples")
    return first / info.sample_rate
