"""``chain``: both tones are effect chains, and what lies between them is a chain too."""

from __future__ import annotations

from collections.abc import Sequence

from morphsep.backends import Passage
from morphsep.backends.chain_pairs import between, context_between, pair_up
from morphsep.errors import SettingError
from morphsep.signal import Signal
from morphsep.tones import Tone
from morphsep.tones.chain import EffectChain
from morphsep.tones.rack import play, total_context

SAMPLED = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Amounts at which the context is asked for: a filter on its way to nothing rings longest."""


class Chain:
    """Interpolates the settings of pedals: half-way to 36 dB of drive stand 12 dB of drive (from
    -12, where a drive does nothing), not half the amplitude of both sounds.

    Where the amount stands still the chain between is rendered in one go; where it moves, gains and
    mixes follow it sample by sample, all else in blocks of 6 to 9 ms on the song's grid.
    """

    name = "chain"
    description = "Interpolates the settings of two effect chains: the true in-between."
    licence = "Apache-2.0 AND GPL-3.0-only"

    def fingerprint(self) -> str:
        """Everything besides the passage that the sound depends on."""
        return "chain:1"

    def context(self, source: Tone, target: Tone) -> tuple[int, int]:
        """(before, after): the longest that the two chains and those between them need.

        Raises:
            SettingError: one of the tones is no effect chain.
        """
        a, b = _as_chain(source), _as_chain(target)
        totals = [a.context, b.context]
        if a.settle is None and b.settle is None:
            pairs = pair_up(a.pedals, b.pedals)
            for amount in SAMPLED:
                parts = [context_between(pair, amount) for pair in pairs]
                totals.append(total_context(parts, None))
        return max(before for before, _ in totals), max(after for _, after in totals)

    def morph(self, passages: Sequence[Passage]) -> list[Signal]:
        """See ``morphsep.backends.Backend.morph``.

        Raises:
            SettingError: one of the tones is no effect chain.
        """
        return [_morph(passage) for passage in passages]


def _as_chain(tone: Tone) -> EffectChain:
    if not isinstance(tone, EffectChain):
        raise SettingError(
            f"the tone {tone.name!r} is no effect chain: take another backend, such as spectral"
        )
    return tone


def _morph(passage: Passage) -> Signal:
    a, b = _as_chain(passage.source_tone), _as_chain(passage.target_tone)
    amount = passage.amount
    if not amount.size:
        return passage.stem.copy()
    at_source, at_target = amount <= 0, amount >= 1
    if at_source.all():
        return passage.source
    if at_target.all():
        return passage.target
    moves = bool((amount != amount[0]).any())
    morphed = _between(a, b, passage, amount if moves else float(amount[0]))
    for there, end in ((at_source, "source"), (at_target, "target")):
        if there.any():
            morphed[:, there] = getattr(passage, end)[:, there]
    return morphed


def _between(a: EffectChain, b: EffectChain, passage: Passage, amount: float | Signal) -> Signal:
    steps = [(pair.effect, between(pair, amount)) for pair in pair_up(a.pedals, b.pedals)]
    trim = a.trim_db + (b.trim_db - a.trim_db) * amount
    return play(steps, passage.stem, passage.start, passage.level, trim)
