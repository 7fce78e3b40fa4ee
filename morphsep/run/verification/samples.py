"""Samples of results against those of the input, read again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from morphsep import audio
from morphsep.dsp import MODEL_RATE, Span, dbfs, from_db
from morphsep.manifest import ChunkRow, StepRow, TrackRow
from morphsep.request import AS_RECORDED
from morphsep.stages import Block, Readable, Scan, kind_of_cpu, mix_blocks

NULL = from_db(-120.0)
"""Largest sample by which stem and backing may miss the mix."""
SAME = 1e-6
"""RMS by which another kind of machine may differ (promise 4)."""
RESAMPLER_REACH = MODEL_RATE // 20
"""Samples at 44.1 kHz over which a change can spread through the way back to another rate."""


@dataclass(frozen=True, slots=True)
class Check:
    """A finished track, and what to compare it by: small, since it travels to workers."""

    row: TrackRow
    untouched: tuple[Span, ...]
    """Where nothing was morphed, in samples at the track's own rate."""
    steps: tuple[StepRow, ...] = ()
    """Of a restoration."""

    @property
    def output(self) -> audio.OutputFormat:
        """How the result is written."""
        return audio.OutputFormat(
            format=self.row.output_format or "", subtype=self.row.output_subtype or "", extension=""
        )

    @property
    def step(self) -> float:
        """Distance of two neighbouring values of the result at full scale."""
        return 2.0 ** (1 - self.output.bits) if self.output.bits else 2.0**-23

    @property
    def rounding(self) -> float:
        """By how much writing may change a sample: a float output is the input itself unless a
        gain or fewer bits than the input's round once."""
        row = self.row
        rounds = self.output.bits or row.gain_db or row.subtype in ("DOUBLE", "PCM_32")
        return 1.01 * self.step if rounds else 0.0

    @property
    def is_read_alike(self) -> bool:
        """Whether this machine reads the same samples from the input as the one that wrote the
        result: decoders of lossy formats round as their CPU does."""
        given = audio.OutputFormat(
            format=self.row.format or "", subtype=self.row.subtype or "", extension=""
        )
        cpus = json.loads(self.row.versions or "{}").get("cpu") or [None]
        return bool(given.bits or given.is_float) or cpus[0] == kind_of_cpu()


@dataclass(slots=True)
class _Seen:
    """The largest of each, over a whole track; linear."""

    peak: float = 0.0
    residual: float = 0.0
    """Of mix - (stem + backing)."""
    worst: float = 0.0
    """Difference where nothing was morphed."""
    beyond: float = 0.0
    """RMS over a block of what this difference has beyond rounding."""


def sample_findings(
    check: Check, source: Scan, readable: Readable, results: Sequence[Path]
) -> Iterator[tuple[int, str]]:
    """(promise, message) of what does not hold.

    Args:
        results: the output; or guitar and backing.

    Raises:
        TrackError: the input or a result does not decode.
    """
    seen = _Seen()
    with ExitStack() as stack:
        readers = [stack.enter_context(audio.AudioReader(str(path))) for path in results]
        for start, mix in mix_blocks(source, readable, check.row.tail_samples or 0):
            parts = [reader.read(start, mix.shape[-1], dtype="float64") for reader in readers]
            if not all(np.isfinite(part).all() for part in parts):
                yield 1, "samples that are no numbers"
                return
            seen.peak = max(seen.peak, float(np.abs(parts[0]).max()))
            if len(parts) == 2:
                residual = float(np.abs(mix - (parts[0] + parts[1])).max())
                seen.residual = max(seen.residual, residual)
            else:
                _compare(seen, check, mix, parts[0], start)
    yield from _judge(check, seen)


def _compare(seen: _Seen, check: Check, mix: Block, result: Block, start: int) -> None:
    """Looks at what of a block lies where nothing was morphed."""
    gain = from_db(check.row.gain_db or 0.0)
    beyond, count = 0.0, 0
    for span in check.untouched:
        a, b = max(span.start - start, 0), min(span.stop - start, mix.shape[-1])
        if a < b:
            apart = np.abs(result[:, a:b] - mix[:, a:b].astype(np.float64) * gain)
            seen.worst = max(seen.worst, float(apart.max()))
            beyond += float((np.maximum(apart - check.rounding, 0) ** 2).sum())
            count += apart.size
    seen.beyond = max(seen.beyond, (beyond / max(count, 1)) ** 0.5)


def _judge(check: Check, seen: _Seen) -> Iterator[tuple[int, str]]:
    row, output, step = check.row, check.output, check.step
    if seen.residual > NULL:
        yield 3, f"stem + backing miss the mix by {dbfs(seen.residual):.1f} dBFS"
    if not (output.bits or output.is_float):
        return  # a lossy output, asked for by --format, keeps no sample as it was
    differs = seen.worst > check.rounding if check.is_read_alike else seen.beyond > SAME
    if differs:
        yield 2, f"where nothing was morphed the output differs by {dbfs(seen.worst):.1f} dBFS"
    if output.bits and seen.peak > 1.0:
        yield 5, f"peak {dbfs(seen.peak):.2f} dBFS"
    if abs(seen.peak - from_db(row.peak_dbfs if row.peak_dbfs is not None else -400.0)) > step:
        yield 5, f"peak {dbfs(seen.peak):.2f} dBFS, the manifest says {row.peak_dbfs}"


def untouched(row: TrackRow, chunks: Sequence[ChunkRow]) -> list[Span]:
    """Spans at the track's own rate that only chunks without a morph cover; none touches another.

    The rate is the row's: where that is wrong, the check of headers says so.
    """
    bypassed = {"silent", "zero"} if row.from_tone == AS_RECORDED else {"silent"}
    rate = row.sample_rate or MODEL_RATE
    reach = 0 if rate == MODEL_RATE else RESAMPLER_REACH
    spans: list[Span] = []
    for index, chunk in enumerate(chunks):
        if chunk.status not in bypassed:
            continue
        start, stop = chunk.start, chunk.start + chunk.num_samples
        if index > 0 and chunks[index - 1].status not in bypassed:
            start = chunks[index - 1].start + chunks[index - 1].num_samples + reach
        if index + 1 < len(chunks) and chunks[index + 1].status not in bypassed:
            stop = chunks[index + 1].start - reach
        ratio = rate / MODEL_RATE
        span = Span(int(np.ceil(start * ratio)), int(stop * ratio))
        if spans and span.start <= spans[-1].stop:
            span = Span(spans[-1].start, max(spans.pop().stop, span.stop))
        if span.num_samples > 0:
            spans.append(span)
    return spans
