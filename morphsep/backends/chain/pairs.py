"""Two chains, pedal by pedal: which pedals correspond, and the settings between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.tones.chain import Pedal
from morphsep.tones.effects import Effect, Parameter, Setting, Value, knobs

OPENING = 0.1
"""Part of the amount over which a pedal is mixed in that has no setting at which it does nothing.
Its effect is still so small there that the mix is not heard as two sounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pedal of the source and one of the target, of one kind; ``None``: that chain has no such
    pedal."""

    source: Pedal | None
    target: Pedal | None

    @property
    def present(self) -> Pedal:
        pedal = self.source or self.target
        assert pedal is not None
        return pedal

    @property
    def effect(self) -> Effect:
        return self.present.effect


def pair_up(source: Sequence[Pedal], target: Sequence[Pedal]) -> list[Pair]:
    """The racks of two chains as one, in an order that keeps both.

    Pedals pair when they are of one kind and agree in every setting that cannot be interpolated
    (the longest common subsequence of both racks); the others stand alone, in the order of the
    rack: gate, dynamics, filters, drive, cabinet, modulation, echo.

    Raises:
        SettingError: one stands alone whose ``mix`` is fixed, so that it cannot come in or go out.
    """
    pairs: list[Pair] = []
    i = j = 0
    for at_source, at_target in [*_matches(source, target), (len(source), len(target))]:
        alone = [Pair(source=p, target=None) for p in source[i:at_source]]
        alone += [Pair(source=None, target=p) for p in target[j:at_target]]
        pairs += _merge(alone)
        if at_source < len(source):
            pairs.append(Pair(source=source[at_source], target=target[at_target]))
        i, j = at_source + 1, at_target + 1
    for pair in pairs:
        if None in (pair.source, pair.target) and knobs(pair.present.kind)["mix"].scale == "fixed":
            raise SettingError(
                f"only one of the two chains has this {pair.present.kind}, which cannot come in "
                "little by little: use another backend, such as spectral"
            )
    return pairs


def _merge(alone: Sequence[Pair]) -> list[Pair]:
    """Both chains' pedals by rank, each chain in its own order."""
    ours = [p for p in alone if p.source]
    theirs = [p for p in alone if p.target]
    merged: list[Pair] = []
    while ours or theirs:
        take_ours = bool(ours) and (not theirs or ours[0].effect.rank <= theirs[0].effect.rank)
        merged.append((ours if take_ours else theirs).pop(0))
    return merged


def _identity(pedal: Pedal) -> tuple[str, tuple[tuple[str, Setting], ...]]:
    parameters = knobs(pedal.kind)
    return pedal.kind, tuple(s for s in pedal.settings if parameters[s[0]].scale == "fixed")


def _matches(source: Sequence[Pedal], target: Sequence[Pedal]) -> list[tuple[int, int]]:
    """Longest common subsequence of the pedals' identities, as (index, index)."""
    a, b = [_identity(p) for p in source], [_identity(p) for p in target]
    longest = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            here = longest[i + 1][j + 1] + 1 if a[i] == b[j] else 0
            longest[i][j] = max(here, longest[i + 1][j], longest[i][j + 1])
    found, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] == b[j] and longest[i][j] == longest[i + 1][j + 1] + 1:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def between(pair: Pair, amount: float | Signal) -> dict[str, Value]:
    """The settings at an amount: a number, or a curve ``[T]`` where the amount is one."""
    parameters = knobs(pair.present.kind)
    if pair.source is not None and pair.target is not None:
        ends = pair.source.values, pair.target.values
        return {k: _interpolate(p, ends[0][k], ends[1][k], amount) for k, p in parameters.items()}
    values = pair.present.values
    here = amount if pair.source is None else 1 - amount
    return _from_nothing(pair.effect, parameters, values, here)


def context_between(pair: Pair, amount: float) -> tuple[int, int]:
    """(before, after) in samples that the pair needs at an amount."""
    settings = between(pair, amount)
    return pair.effect.context({k: v for k, v in settings.items() if not isinstance(v, np.ndarray)})


def _from_nothing(
    effect: Effect,
    parameters: Mapping[str, Parameter],
    values: Mapping[str, Setting],
    amount: float | Signal,
) -> dict[str, Value]:
    """A pedal's settings between those at which it does nothing (0) and its own (1)."""
    neutral = {k: p.neutral for k, p in parameters.items() if k != "mix" and p.neutral is not None}
    found: dict[str, Value] = dict(values)
    mix = values["mix"]
    assert isinstance(mix, float)
    for name, value in neutral.items():
        found[name] = _interpolate(parameters[name], value, values[name], amount)
    if not neutral:
        found["mix"] = mix * amount
    elif not effect.exact_when_neutral:
        found["mix"] = mix * _at_most_one(amount / OPENING)
    return found


def _interpolate(
    parameter: Parameter, source: Setting, target: Setting, amount: float | Signal
) -> Value:
    if source == target or parameter.scale == "fixed":
        return source
    assert isinstance(source, float)
    assert isinstance(target, float)
    if parameter.scale == "log":
        if isinstance(amount, np.ndarray):
            return np.asarray(
                source * np.exp(np.float32(np.log(target / source)) * amount), np.float32
            )
        return float(source * (target / source) ** amount)
    return source + (target - source) * amount


def _at_most_one(value: float | Signal) -> float | Signal:
    return np.minimum(value, 1) if isinstance(value, np.ndarray) else min(value, 1.0)
