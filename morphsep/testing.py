"""For the tests of separators and backends, ours and yours: a track that is an array, a guitar that
is synthesised, and `check_backend`, which holds a backend to its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from morphsep.backends import Backend, Measuring, Passage
from morphsep.dsp import MODEL_RATE, Signal, dbfs
from morphsep.tones import Tone, get_tone


@dataclass(frozen=True)
class ArrayMix:
    """``[C, T]`` at 44.1 kHz as separators see a track (`morphsep.separators.Mix`)."""

    samples: Signal
    stem_path: str | None = None
    asked: list[int] = field(default_factory=list)
    """How many samples each ``read`` asked for: a separator must not ask for a whole track."""

    @property
    def num_samples(self) -> int:
        return int(self.samples.shape[1])

    @property
    def num_channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def mean(self) -> float:
        return float(self.samples.mean(axis=0, dtype=np.float64).mean())

    @property
    def std(self) -> float:
        if self.num_samples < 2:
            return 0.0
        return float(self.samples.mean(axis=0, dtype=np.float64).std(ddof=1))

    def read(self, start: int, num_samples: int) -> Signal:
        """``[C, num_samples]``; zeros outside the track."""
        self.asked.append(num_samples)
        span = np.zeros((self.num_channels, num_samples), np.float32)
        first, last = max(start, 0), min(start + num_samples, self.num_samples)
        if last > first:
            span[:, first - start : last - start] = self.samples[:, first:last]
        return span


SETTLED = 0.5
"""Seconds of each passage besides the context."""
QUIET = -60.0
"""dBFS that silence may come to."""


def check_backend(
    backend: Backend,
    source: Tone | str = "as-recorded",
    target: Tone | str = "distortion",
    *,
    tolerance: float = 1e-6,
    silent: bool = True,
) -> None:
    """Holds a backend to what `morphsep.backends.Backend` promises, on half-second passages of a
    synthesised guitar: length, finiteness, determinism, independence of the batch, silence, ends.

    Args:
        source: the tone to morph from, or its name.
        target: the tone to morph towards, or its name.
        tolerance: largest RMS difference, relative to the signal, between two results that have to
            be the same.
        silent: whether silence must come out silent; False for a model with random weights.

    Raises:
        AssertionError: a promise is broken; says which and by how much.
        SettingError: the backend cannot morph this pair.
    """
    tones = [get_tone(tone) if isinstance(tone, str) else tone for tone in (source, target)]
    context = backend.context(*tones)
    passages = [_passage(context, tones, seed, channels) for seed, channels in ((0, 2), (1, 1))]
    if isinstance(backend, Measuring):
        facts = backend.measure([_at(passage, 0.0) for passage in passages])
        passages = [replace(passage, facts=facts) for passage in passages]
    together = backend.morph(passages)
    for passage, morphed in zip(passages, together, strict=True):
        _check_form(passage, morphed)
        (alone,) = backend.morph([passage])
        _check_same("alone and in a batch", alone, morphed, context, tolerance)
        (again,) = backend.morph([passage])
        _check_same("twice", again, alone, context, tolerance)
    first = passages[0]
    for amount, end in ((0.0, first.source), (1.0, first.target)):
        (reached,) = backend.morph([_at(first, amount)])
        _check_same(f"at amount {amount:g} and its end", reached, end, context, 1e-5)
    nothing = replace(first, stem=np.zeros_like(first.stem))
    (hushed,) = backend.morph([nothing])
    _check_form(nothing, hushed)
    loudest = dbfs(float(np.abs(_core(hushed, context)).max()))
    assert not silent or loudest < QUIET, f"silence came out at {loudest:.0f} dBFS"


def plucked(num_samples: int, seed: int = 0) -> Signal:
    """A guitar-like signal ``[T]`` at 44.1 kHz, peak 0.5: decaying partials, a new note every
    quarter of a second."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(num_samples)
    for start in range(0, num_samples, MODEL_RATE // 4):
        time = np.arange(num_samples - start) / MODEL_RATE
        pitch = 82.4 * 2 ** (rng.integers(0, 25) / 12)
        turn = np.exp((2j * np.pi * pitch - 1) * time)
        phasor = np.exp(-3 * time).astype(complex)
        for partial in range(1, 13):  # a power each: cheaper than its own sine and decay
            phasor *= turn
            begin = np.exp(2j * np.pi * rng.random()) / partial
            signal[start:] += (begin * phasor).imag
    return np.asarray(0.5 * signal / max(np.abs(signal).max(), 1e-9), np.float32)


def _passage(context: tuple[int, int], tones: Sequence[Tone], seed: int, channels: int) -> Passage:
    length = context[0] + round(SETTLED * MODEL_RATE) + context[1]
    stem = np.stack([plucked(length, seed + channel) for channel in range(channels)])
    return Passage(
        stem=stem, start=seed * MODEL_RATE + 12_345, level=-20.0,
        amount=np.linspace(0.2, 0.8, length, dtype=np.float32),
        source_tone=tones[0], target_tone=tones[1],
    )  # fmt: skip


def _at(passage: Passage, amount: float) -> Passage:
    return replace(passage, amount=np.full_like(passage.amount, amount))


def _core(signal: Signal, context: tuple[int, int]) -> Signal:
    return signal[:, context[0] : signal.shape[1] - context[1]]


def _check_form(passage: Passage, morphed: Signal) -> None:
    shape = morphed.shape
    assert shape == passage.stem.shape, f"of a stem {passage.stem.shape} it made {shape}"
    assert np.isfinite(morphed).all(), "there are samples that are no numbers"


def _check_same(
    when: str, one: Signal, other: Signal, context: tuple[int, int], tolerance: float
) -> None:
    a, b = _core(one, context).astype(np.float64), _core(other, context).astype(np.float64)
    error = float(np.sqrt(np.mean((a - b) ** 2)) / (np.sqrt(np.mean(b**2)) + 1e-9))
    assert error <= tolerance, f"{when}: {error:.1e} apart, {tolerance:g} allowed"
