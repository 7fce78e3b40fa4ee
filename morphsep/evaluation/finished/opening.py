"""The sounds that a finished track was made of, wherever in it they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from morphsep import storage
from morphsep.audio import AudioReader, OutputFormat
from morphsep.backends.perceptual import Warp
from morphsep.dsp import ModelRateReader, Signal, Span, from_db
from morphsep.errors import SettingError
from morphsep.evaluation.finished.scores import NotScoredError
from morphsep.manifest import TrackRow
from morphsep.morphing import MixView, Recipe, ToneFit, build
from morphsep.request import Curve, parse_settings
from morphsep.stages import Readable, Workspace, scan, stem_file
from morphsep.storage import Location
from morphsep.tones import ToneTraits

Read = Callable[[int, int], Signal]
"""``read(start, n)`` -> ``[C, n]`` at 44.1 kHz; zeros outside the track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A span of a finished track, ``[C, T]`` at 44.1 kHz each."""

    amount: Signal
    """``[T]``, as it was asked for."""
    before: Signal
    """The song as it was."""
    after: Signal
    """The song as it is now, without the gain against clipping."""
    stem: Signal
    source: Signal
    """The stem through the tone that was morphed from."""
    target: Signal

    @property
    def morphed(self) -> Signal:
        """The guitar as it is in the song now."""
        return self.stem + (self.after - self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A finished track."""

    recipe: Recipe
    """With its tones fitted as they were."""
    level: float
    """Loudness of the whole stem in LUFS."""
    before: Read
    after: Read
    stem: Read

    @property
    def same_notes(self) -> bool:
        """Whether both tones play the notes of the stem."""
        ends = (self.recipe.source, self.recipe.target)
        return all(ToneTraits.of(tone).same_notes for tone in ends)

    def guitar(self, span: Span) -> tuple[Signal, Signal]:
        """The guitar as it is in the song now, and the stem."""
        at = span.start, span.num_samples
        stem = self.stem(*at)
        return stem + (self.after(*at) - self.before(*at)), stem

    def passage(self, span: Span) -> Passage:
        """All sounds of a span.

        Raises:
            TrackError: a tone cannot be rendered.
        """
        at = span.start, span.num_samples
        return Passage(
            amount=self.recipe.curve.at(*at), before=self.before(*at), after=self.after(*at),
            stem=self.stem(*at), source=self._rendered("source", span),
            target=self._rendered("target", span),
        )  # fmt: skip

    def _rendered(self, end: str, span: Span) -> Signal:
        tone = getattr(self.recipe, end)
        before, after = tone.context
        start = span.start - before
        stem = self.stem(start, before + span.num_samples + after)
        out: Signal = tone.render(stem, start, self.level)[:, before : before + span.num_samples]
        return out


@contextmanager
def opened(out: Location, row: TrackRow) -> Iterator[Opened]:
    """A finished track, for as long as the context lasts.

    Raises:
        NotScoredError: its files are not those of the row, or do not tell what was done.
        SettingError: a tone or a separator that this machine does not have.
        TrackError: the input cannot be read.
        StorageError: the storage stays away.
    """
    recipe = _recipe(row)
    workspace = Workspace.of_last_run(out)
    with (
        storage.private_folder(workspace.room_for_readers) as folder,
        _result(out, row) as result,
    ):
        readable = Readable(row.input, folder / "input", recipe.settings.channels)
        source = scan(readable, workspace)
        if source.content_hash != row.content_hash:
            raise NotScoredError("not_as_written", "the input is not the file that was worked on")
        with readable.open() as reader, AudioReader(str(result)) as made:
            mix = MixView(
                reader=ModelRateReader(reader), num_samples=source.model_length,
                num_channels=source.num_channels, mean=source.mean, std=source.std,
            )  # fmt: skip
            gain = np.float32(1 / from_db(row.gain_db or 0.0))
            output = ModelRateReader(made)
            store = workspace.stem(row.stem_key or "", source.num_channels)
            is_cached = store.covers(source.model_length)
            yield Opened(
                recipe=_fit(row).matched(recipe),
                level=float("-inf") if row.stem_lufs is None else row.stem_lufs,
                before=mix.read,
                after=lambda start, length: output.read(start, length) * gain,
                stem=store.read if is_cached else _separating(recipe, mix, row, folder),
            )


def _recipe(row: TrackRow) -> Recipe:
    """The recipe of a row, with any backend: only its tones and its separator are needed."""
    settings = parse_settings(row.settings or "{}")
    with suppress(SettingError):  # weights of the backend that this machine does not have
        if build(settings).key(row.stem_key or "", "morph") != row.key:
            raise NotScoredError(
                "not_as_written",
                "its settings would sound other today: a tone's file or morphsep itself has "
                "changed; run the same morph again",
            )
    recipe = build(replace(settings, backend="crossfade", options=()))
    # an amount that follows the playing has come to the curve that the row has
    return recipe if isinstance(recipe.amount, Curve) else recipe.with_amount(_curve(row))


def _curve(row: TrackRow) -> Curve:
    try:
        return Curve.of(row.amount or "")
    except ValueError as error:
        raise NotScoredError("not_as_written", "its row does not hold its amounts") from error


@contextmanager
def _result(out: Location, row: TrackRow) -> Iterator[Path]:
    """The result on this machine, as it was written."""
    form = OutputFormat(
        format=row.output_format or "", subtype=row.output_subtype or "", extension=""
    )
    if not (form.bits or form.is_float):
        raise NotScoredError(
            "lossy_result",
            f"the result is lossy ({row.output_subtype}): what was changed cannot be told from "
            "what its coder changed; write FLAC or WAV",
        )
    try:
        with (out / (row.output or "")).reading() as path:
            if storage.digest_file(path) != row.output_hash:
                raise NotScoredError("not_as_written", "the result is not as it was written")
            yield path
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotScoredError("not_as_written", "the result is not there") from error


def _separating(recipe: Recipe, mix: MixView, row: TrackRow, folder: Path) -> Read:
    """The stem where the work directory has none any more: made again where it is asked for. By the
    contract of separators it does not depend on where a track is cut."""
    if recipe.settings.stem is not None:
        mix = replace(mix, stem_path=_own_stem(recipe.settings.stem, row, folder))

    def read(start: int, length: int) -> Signal:
        stem = np.zeros((mix.num_channels, length), np.float32)
        first, last = max(start, 0), min(start + length, mix.num_samples)
        if first < last:
            made = recipe.separator.separate(mix, first, last)
            stem[:, first - start : last - start] = made
        return stem

    return read


def _own_stem(pattern: str, row: TrackRow, folder: Path) -> str:
    from morphsep.separators.own_stem import resolve_stem

    found = stem_file(resolve_stem(pattern, row.input), folder / "stem")
    if storage.digest_file(found.path) != row.own_stem_hash:
        raise NotScoredError("not_as_written", "your stem is not the file that was used")
    return found.path


def _fit(row: TrackRow) -> ToneFit:
    """What was measured of the stem, as the row says it."""
    from_facts, to_facts = json.loads(row.fits) if row.fits else (None, None)
    return ToneFit(
        from_facts=from_facts, to_facts=to_facts, from_trim_db=row.from_trim_db or 0.0,
        to_trim_db=row.to_trim_db or 0.0,
        warp=Warp.from_json(json.loads(row.warp)) if row.warp else None,
    )  # fmt: skip
