"""Effect chains that are drawn: evenly spread over each knob, the same wherever they are drawn.

Every draw is a function of a seed and a name, by sha256: no generator's state, no order of work,
no library's version. The draws of one source are stratified (Latin hypercube: M. McKay, R. Beckman,
W. Conover, Technometrics 21, 1979): of n values one lies in each n-th of a knob's range.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from morphsep.dataset.recipe import Chains, PedalRange
from morphsep.tones.chain import EffectChain, Pedal
from morphsep.tones.effects import knobs

UNITS = {"_db": "dB", "_hz": "Hz", "_ms": "ms", "_seconds": "s"}
"""Units by how a parameter's name ends."""
BY_RATIO = ("Hz", "ms", "s")
"""What is heard by ratio."""


def unit_of(parameter: str) -> str:
    """A parameter's unit; empty where it has none."""
    return next((unit for end, unit in UNITS.items() if parameter.endswith(end)), "")


def draw_chains(chains: Chains, seed: str, number: int) -> list[EffectChain]:
    """As many chains as are asked for.

    Args:
        seed: of the source: the same seed, the same chains.
    """
    pedals = [_drawn(pedal, f"{seed}/{i}", number) for i, pedal in enumerate(chains.pedals)]
    found = []
    for n in range(number):
        rack = [column[n] for column in pedals]
        if chains.shuffled:
            order = sorted(range(len(rack)), key=lambda i: _uniform(seed, "order", n, i))
            rack = [rack[i] for i in order]
        present = tuple(pedal for pedal in rack if pedal is not None)
        kinds = " + ".join(pedal.kind for pedal in present) or "no pedal"
        found.append(
            EffectChain(name=f"drawn-{n:05d}", description=f"Drawn: {kinds}.", pedals=present)
        )
    return found


def _drawn(pedal: PedalRange, seed: str, number: int) -> list[Pedal | None]:
    """A pedal of each chain; None where it is not there."""
    chances = stratified(f"{seed}/chance", number)
    columns = {
        name: [_placed(name, low, high, u) for u in stratified(f"{seed}/{name}", number)]
        for name, low, high in pedal.ranges
    }
    defaults = {name: parameter.default for name, parameter in knobs(pedal.kind).items()}
    found: list[Pedal | None] = []
    for n, chance in enumerate(chances):
        settings = defaults | {name: values[n] for name, values in columns.items()}
        there = chance < pedal.chance
        found.append(
            Pedal(kind=pedal.kind, settings=tuple(sorted(settings.items()))) if there else None
        )
    return found


def _placed(name: str, low: float, high: float, u: float) -> float:
    """The value at `u` of a range, 0 to 1."""
    if low == high:
        return low
    if unit_of(name) in BY_RATIO and low > 0:
        return math.exp(math.log(low) + u * math.log(high / low))
    return low + u * (high - low)


def stratified(seed: str, number: int) -> Sequence[float]:
    """Values in [0, 1), one in each of `number` equal parts, in an order that is drawn, too."""
    order = sorted(range(number), key=lambda n: _uniform(seed, "order", n))
    found = [0.0] * number
    for part, n in enumerate(order):
        found[n] = (part + _uniform(seed, "within", part)) / number
    return found


def _uniform(*what: object) -> float:
    """In [0, 1), by what it is for."""
    text = "\x1f".join(map(str, what)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2**48
