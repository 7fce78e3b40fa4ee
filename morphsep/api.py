"""The public functions: one file, or an array, in and out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep import manifest, request
from morphsep.dsp import Seconds, Signal
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import TrackRow
from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request import checked_sample_rate, checked_samples, make_settings
from morphsep.run import Pipeline, run, settle_jobs
from morphsep.stages import Event, Outcome, Workspace


def morph_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    to: str,
    amount: float | str = 1.0,
    work_in: str | os.PathLike[str] | None = None,
    force: bool = False,
    on_progress: Callable[[Event], None] | None = None,
    **settings: Any,
) -> TrackRow:
    """Changes the guitar's tone in one recording.

    Args:
        path: an audio file.
        out: folder for the result, its manifest and its cached stem.
        to: tone to morph towards: a name (`morphsep tones` lists them) or a YAML file.
        amount: 0 to 1, or a curve such as "0:00=0 0:05=1".
        work_in: folder for stems and what else is needed between stages; None: where the last run
            in `out` had it, at first `out` itself.
        force: do it even if it is done already.
        on_progress: called with an `Event` whenever a stage has come further.
        settings: any other field of `Settings` (separator, stem, backend, chunk, ...); ``from_``
            is the tone to morph from.

    Returns:
        The track's row of the manifest; ``Path(out) / row.output`` is the result.

    Raises:
        SettingError: a setting that cannot work; nothing was touched.
        TrackError: the file could not be done (the manifest has the row).
    """
    values = {"to": to, "amount": amount} | settings
    return _one(path, out, REPROCESS, work_in, force, on_progress, values)


def separate_file(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    work_in: str | os.PathLike[str] | None = None,
    force: bool = False,
    on_progress: Callable[[Event], None] | None = None,
    **settings: Any,
) -> TrackRow:
    """Writes a recording's guitar (``row.output``) and its backing (``row.backing``), which add
    up to the mix. Arguments, result and errors as in `morph_file`."""
    return _one(path, out, SEPARATE, work_in, force, on_progress, settings)


def morph_array(
    audio: npt.ArrayLike, sample_rate: int, *, to: str, amount: float | str = 1.0, **settings: Any
) -> Signal:
    """Changes the guitar's tone in an array.

    Args:
        audio: ``[T]`` or ``[C, T]``: floating-point with full scale 1.0, or int16 or int32, whose
            full scale is that of the type.
        sample_rate: Hz, a whole number.
        to: as in `morph_file`, like the other settings.

    Returns:
        float32 of the same shape, full scale 1.0 (of two channels where ``channels`` picks them).

    Raises:
        SettingError: also for an array or a rate that cannot be audio.
        TrackError: as in `morph_file`.
    """
    import soundfile

    given = checked_samples(audio, settings.get("channels"))
    sample_rate = checked_sample_rate(sample_rate)
    with tempfile.TemporaryDirectory(prefix="morphsep-") as folder:
        path = Path(folder, "in.wav")
        soundfile.write(path, given.T, sample_rate, "FLOAT")
        row = morph_file(path, Path(folder, "out"), to=to, amount=amount, **settings)
        assert row.output is not None  # `morph_file` raises unless the status is ok
        morphed, _ = soundfile.read(Path(folder, "out", row.output), dtype="float32")
    return np.ascontiguousarray(morphed.T)


def read_stem(row: TrackRow, out: str | os.PathLike[str]) -> Signal:
    """The cached stem of a finished track, ``[C, T]`` at 44.1 kHz."""
    from morphsep.dsp import model_length

    if row.stem_key is None or row.num_samples is None or row.sample_rate is None:
        raise ValueError(f"{row.track} has no stem: its status is {row.status}")
    store = Workspace.of_last_run(Path(out)).stem(row.stem_key, row.num_channels or 1)
    return store.read(0, model_length(row.num_samples, row.sample_rate))


def seams(row: TrackRow, out: str | os.PathLike[str]) -> list[Seconds]:
    """When each seam of a finished track begins, in seconds."""
    chunks = manifest.read_chunks(Path(out))
    return [c.start_s for c in chunks if c.track == row.track and c.index > 0]


def _one(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    pipeline: Pipeline,
    work_in: str | os.PathLike[str] | None,
    force: bool,
    on_progress: Callable[[Event], None] | None,
    values: dict[str, Any],
) -> TrackRow:
    jobs = request.collect([os.fspath(path)], Path(out), make_settings(**values), pipeline.command)
    if len(jobs) != 1:
        raise SettingError(f"{path} is {len(jobs)} inputs; for folders and lists use the CLI")
    outcomes: list[Outcome] = []
    run(
        settle_jobs(jobs),
        Path(out),
        pipeline,
        work_in=None if work_in is None else os.fspath(work_in),
        executor="local",  # in this process: its disk and its callbacks are ours
        force=force,
        on_progress=on_progress or (lambda event: None),
        on_outcome=outcomes.append,
    )
    (outcome,) = outcomes
    row = outcome.row
    if row.status != "ok":
        raise TrackError(row.error_code or "internal", row.message or "")  # type: ignore[arg-type]
    return row
