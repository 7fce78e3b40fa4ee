"""The public functions: one file, or an array, in and out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from morphsep import following, manifest, request
from morphsep.dsp import Seconds, Signal, model_length
from morphsep.errors import SettingError, TrackError
from morphsep.manifest import TrackRow
from morphsep.morphing import Recipe, build, morph_samples, recipe_for_arrays, settle
from morphsep.pipelines import REPROCESS, SEPARATE
from morphsep.request import Curve, Settings, checked_sample_rate, checked_samples, make_settings
from morphsep.run import Pipeline, Pool, run, settle_jobs
from morphsep.stages import Event, SectionStore, Workspace, curve_of
from morphsep.storage import private_folder, whole

OF_FILES = dict.fromkeys(("format", "subtype"), "an array has none")
OF_MIXES = dict.fromkeys(
    ("separator", "separator_options", "stem", "shifts", "protect", "min_stem_quality"),
    "`Morph` takes guitars; `morph_array` also separates them from a mix",
)
OF_CALLS = {"amount": "it is given with each array: morph(guitar, 44100, amount=0.5)"}
"""Settings that arrays do not have, and why."""


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


def follow_file(
    path: str | os.PathLike[str],
    amount: str,
    *,
    picture: str | os.PathLike[str] | None = None,
    work_in: str | os.PathLike[str] | None = None,
    on_progress: Callable[[Event], None] | None = None,
    **settings: Any,
) -> Curve:
    """The curve that an amount ("follow level") comes to on a recording's guitar, in `morph_file`.

    Args:
        picture: PNG file to write: the guitar's spectrogram, and the amount below it.
        work_in: folder with the stem of an earlier run, or for it; None: it is not kept.

    Raises: as `morph_file`.
    """
    recipe = build(settle(make_settings(**{"amount": amount} | settings))[0])  # refused at once
    with private_folder() as folder:
        row = separate_file(path, folder, work_in=work_in, on_progress=on_progress, **settings)
        stem, length = _stem(row, folder)
        curve = curve_of(recipe, stem, length)
        if picture is not None:
            with whole(Path(picture)) as part:
                part.write_bytes(following.picture(curve, stem.read, length))
    return curve


def morph_array(
    audio: npt.ArrayLike, sample_rate: int, *, to: str, amount: float | str = 1.0, **settings: Any
) -> Signal:
    """Changes the guitar's tone in an array, in memory and in this process: the same samples as of
    a WAV file of 32-bit floats.

    Args:
        audio: ``[T]`` or ``[C, T]``: floating-point with full scale 1.0, or int16 or int32, whose
            full scale is that of the type.
        sample_rate: Hz, a whole number.
        to: as in `morph_file`, like the other settings, but for ``format`` and ``subtype``.

    Returns:
        float32 of the same shape, full scale 1.0 (of two channels where ``channels`` picks them),
        longer by ``tail``.

    Raises:
        SettingError: also for an array or a rate that cannot be audio.
        TrackError: the guitar cannot be separated or morphed.
    """
    _refuse(settings, OF_FILES)
    samples = checked_samples(audio, settings.get("channels"))
    rate = checked_sample_rate(sample_rate)
    values = {"to": to, "amount": amount} | settings
    return _morphed(recipe_for_arrays(make_settings(**values)), samples, rate)


class Morph:
    """Changes the tone of guitars that are arrays, one after the other; what that takes is built
    once.

        morph = morphsep.Morph("clean", "fuzz", backend="chain")
        changed = morph(guitar, 44100, amount=0.4)

    Several threads may call one at the same time with the backends chain, spectral, crossfade and
    vocoder. Pickled it is its settings: what they name is read again where it is unpickled.
    """

    def __init__(self, from_: str, to: str, **settings: Any) -> None:
        """Builds both tones and the backend, and fetches its weights.

        Args:
            from_: tone to morph from; "as-recorded" is the guitar itself.
            to: tone to morph towards.
            settings: any other field of `Settings` but those of the separation and of files.

        Raises:
            SettingError: a setting that cannot work.
        """
        _refuse(settings, OF_FILES | OF_MIXES | OF_CALLS)
        values = {"from_": from_, "to": to, "separator": "none"} | settings
        self.__setstate__(make_settings(**values))

    def __getstate__(self) -> Settings:
        return self._recipe.settings

    def __setstate__(self, settings: Settings) -> None:
        self._recipe = recipe_for_arrays(settings)

    def __call__(
        self, guitar: npt.ArrayLike, sample_rate: int, *, amount: float | str = 1.0
    ) -> Signal:
        """The guitar with its tone changed: the same samples as `morph_array` with the separator
        ``none`` gives.

        Args:
            guitar: ``[T]`` or ``[C, T]``, as in `morph_array`.
            sample_rate: Hz, a whole number.
            amount: 0 to 1, or a curve such as "0:00=0 0:05=1".

        Returns:
            float32 of the same shape, longer by ``tail``, full scale 1.0.

        Raises:
            SettingError: no amount, or an array or a rate that cannot be audio.
            TrackError: a tone or the backend cannot do it.
        """
        samples = checked_samples(guitar, self._recipe.settings.channels)
        rate = checked_sample_rate(sample_rate)
        return _morphed(self._recipe.at(str(amount)), samples, rate)


def read_stem(row: TrackRow, out: str | os.PathLike[str]) -> Signal:
    """The cached stem of a finished track, ``[C, T]`` at 44.1 kHz."""
    stem, length = _stem(row, Path(out))
    return stem.read(0, length)


def seams(row: TrackRow, out: str | os.PathLike[str]) -> list[Seconds]:
    """When each seam of a finished track begins, in seconds."""
    chunks = manifest.read_chunks(Path(out))
    return [c.start_s for c in chunks if c.track == row.track and c.index > 0]


def _stem(row: TrackRow, out: Path) -> tuple[SectionStore, int]:
    """The cached stem of a finished track, and its length in samples at 44.1 kHz."""
    if row.stem_key is None or row.num_samples is None or row.sample_rate is None:
        raise ValueError(f"{row.track} has no stem: its status is {row.status}")
    store = Workspace.of_last_run(out).stem(row.stem_key, row.num_channels or 1)
    return store, model_length(row.num_samples, row.sample_rate)


def _refuse(settings: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    for name in settings.keys() & reasons.keys():
        raise SettingError(f"there is no setting {name!r} here: {reasons[name]}")


def _morphed(recipe: Recipe, samples: Signal, sample_rate: int) -> Signal:
    """``[T]`` or ``[C, T]``, as it came in, with its tail."""
    morphed = morph_samples(recipe, np.atleast_2d(samples), sample_rate)
    return morphed.reshape(*samples.shape[:-1], -1)


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
    summary = run(
        settle_jobs(jobs),
        Path(out),
        pipeline,
        work_in=None if work_in is None else os.fspath(work_in),
        executor="local",  # in this process: its disk and its callbacks are ours
        pool=Pool(max_workers=1),
        force=force,
        on_progress=on_progress or (lambda event: None),
    )
    (outcome,) = summary.outcomes
    row = outcome.row
    if row.status != "ok":
        raise TrackError(row.error_code or "internal", row.message or "")  # type: ignore[arg-type]
    return row
