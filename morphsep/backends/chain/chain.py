"""``chain``: both tones are effect chains, and so is every step between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from morphsep.backends.backend import Passage
from morphsep.backends.chain.filters import Filters, is_filter, is_long
from morphsep.backends.chain.pairs import Pair, between, context_between, pair_up
from morphsep.dsp import MODEL_RATE, Signal
from morphsep.errors import SettingError
from morphsep.tones import Tone, ToneTraits
from morphsep.tones.chain import EffectChain, Step, play, total_context

SAMPLED = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Amounts at which the context is computed: a filter on its way to having no effect rings
longest."""
FADE = round(0.05 * MODEL_RATE)
"""Samples of the shortest fade from the moving chain to the tone at the end."""


class Chain:
    """Interpolates the settings of pedals: half-way to 36 dB of drive stand 12 dB of drive (from
    -12, where a drive does nothing), not half the amplitude of both sounds.

    Where the amount is constant the chain in between is rendered in one go; where it moves, gains,
    mixes, filters (see ``chain.filters`` and ``tones.effects.moving``), compressors and drives
    follow it sample by sample, all else in steps of 6 ms on the song's grid. Where it stops at an
    end, delays and reverbs still hold earlier sound: the moving chain plays on and fades into the
    tone itself over the length of its context.
    """

    name = "chain"
    description = "Interpolates the settings of two effect chains: the true in-between."
    licence = "Apache-2.0 AND GPL-3.0-only"

    def fingerprint(self) -> str:
        """Everything that the sound depends on besides the passage."""
        return "chain:5"

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        """(before, after) in samples: the longest that the two chains, those between them and the
        fades at the ends need.

        Raises:
            SettingError: one of the tones is not an effect chain, or no way leads between them.
        """
        before, after = _memory(_as_chain(source), _as_chain(target))
        return max(before, FADE), max(after, FADE)

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        """See ``morphsep.backends.Backend.morph``.

        Raises:
            SettingError: one of the tones is not an effect chain.
        """
        return [_morph(passage) for passage in passages]


def as_chain(tone: Tone) -> EffectChain | None:
    """The tone itself, or the chain that it becomes when it is fitted to a stem; None if it is
    none."""
    tone = ToneTraits.of(tone).becomes or tone
    return tone if isinstance(tone, EffectChain) else None


def _as_chain(tone: Tone) -> EffectChain:
    if (chain := as_chain(tone)) is None:
        raise SettingError(
            f"the tone {tone.name!r} is not an effect chain: use another backend, such as spectral"
        )
    return chain


def _memory(a: EffectChain, b: EffectChain) -> tuple[int, int]:
    """(before, after) in samples of two chains and those between them."""
    totals, pairs = [a.context, b.context], pair_up(a.pedals, b.pedals)
    if a.settle is None and b.settle is None:
        for amount in SAMPLED:
            parts = [context_between(pair, amount) for pair in pairs]
            totals.append(total_context(parts, None))
    return max(before for before, _ in totals), max(after for _, after in totals)


def _morph(passage: Passage) -> Signal:
    a, b = _as_chain(passage.source_tone), _as_chain(passage.target_tone)
    amount = passage.amount
    if not amount.size:
        return passage.stem.copy()
    if (amount <= 0).all():
        return passage.source
    if (amount >= 1).all():
        return passage.target
    if (amount == amount[0]).all():
        return _between(a, b, passage, float(amount[0]))
    morphed = _between(a, b, passage, amount)
    for at_end, end in ((amount <= 0, "source"), (amount >= 1, "target")):
        if at_end.any():
            share = _share_at_end(at_end, max(_memory(a, b)[0], FADE))
            morphed = morphed * (1 - share) + getattr(passage, end) * share
    return morphed


def _share_at_end(at_end: NDArray[np.bool_], fade_in: int) -> Signal:
    """Share ``[T]`` of a tone's own sound in the morph; the amount is at that tone where
    ``at_end``.

    It depends on the amount less than ``fade_in`` samples before and ``FADE`` after, and so not on
    where a passage was cut; outside the passage it counts as constant.
    """
    here = np.arange(at_end.size)
    elsewhere = ~at_end
    arrived = np.maximum.accumulate(np.where(elsewhere, here, -fade_in))
    leaves = np.minimum.accumulate(np.where(elsewhere, here, here.size + FADE)[::-1])[::-1]
    return _eased((here - arrived) / fade_in) * _eased((leaves - here) / FADE)


def _eased(ramp: NDArray[np.float64]) -> Signal:
    """Raised cosine from 0 to exactly 1."""
    return np.asarray(np.sin(np.pi / 2 * np.minimum(ramp, 1)) ** 2, np.float32)


def _between(a: EffectChain, b: EffectChain, passage: Passage, amount: float | Signal) -> Signal:
    steps: list[Step] = []
    moves = isinstance(amount, np.ndarray)
    for stage in moving_stages(a, b) if moves else pair_up(a.pedals, b.pedals):
        if isinstance(stage, Filters):
            steps.append((stage, {"mix": 1.0, "amount": amount}))
        else:
            steps.append((stage.effect, between(stage, amount)))
    trim = a.trim_db + (b.trim_db - a.trim_db) * amount
    return play(steps, passage.stem, passage.start, passage.level, trim)


def moving_stages(a: EffectChain, b: EffectChain) -> list[Pair | Filters]:
    """What is played one after another while the amount moves: pedals, or several as one."""
    stages: list[Pair | Filters] = []
    for together, group in groupby(pair_up(a.pedals, b.pedals), is_filter):
        row = list(group)
        stages += [Filters(row)] if together and any(is_long(pair) for pair in row) else row
    return stages
