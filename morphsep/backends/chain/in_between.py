"""The chain that the backend plays at one amount, as a chain of its own."""

from __future__ import annotations

from morphsep.backends.chain.pairs import between, pair_up
from morphsep.tones.chain import EffectChain, Pedal


def chain_between(source: EffectChain, target: EffectChain, amount: float) -> EffectChain:
    """The effect chain at a constant amount, 0 to 1, with every setting as it is played there.

    Raises:
        SettingError: no way leads between them.
    """
    if amount <= 0:
        return source
    if amount >= 1:
        return target
    pedals = []
    for pair in pair_up(source.pedals, target.pedals):
        values = between(pair, amount)
        settings = {k: v for k, v in values.items() if isinstance(v, float | bool | str | tuple)}
        assert settings.keys() == values.keys()
        pedals.append(Pedal(kind=pair.present.kind, settings=tuple(sorted(settings.items()))))
    return EffectChain(
        name=f"{source.name} to {target.name} at {amount:g}",
        description=f"Between {source.name} and {target.name}.",
        pedals=tuple(pedals),
        trim_db=source.trim_db + (target.trim_db - source.trim_db) * amount,
    )
