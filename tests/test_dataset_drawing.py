"""Chains that are drawn: even, the same wherever they are drawn, and playable."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dataset.drawing import draw_chains, stratified, unit_of
from morphsep.dataset.recipe import Chains, PedalRange
from morphsep.tones.chain import EffectChain

DRIVE = PedalRange(kind="Drive", ranges=(("drive_db", 0.0, 40.0),))
CHORUS = PedalRange(kind="Chorus", chance=0.25, ranges=(("rate_hz", 0.1, 10.0),))


def values(chains: list[EffectChain], kind: str, name: str) -> list[float]:
    found = [pedal.values[name] for chain in chains for pedal in chain.pedals if pedal.kind == kind]
    return [value for value in found if isinstance(value, float)]


@given(st.integers(1, 200), st.text(max_size=5))
def test_one_value_lies_in_each_equal_part(number: int, seed: str) -> None:
    found = np.array(stratified(seed, number))
    assert sorted((found * number).astype(int)) == list(range(number))


def test_knobs_are_spread_evenly_by_their_scales() -> None:
    chains = draw_chains(Chains(per_clip=1, pedals=(DRIVE, CHORUS)), "seed", 100)
    drives = np.sort(values(chains, "Drive", "drive_db"))
    assert np.abs(drives - np.linspace(0.2, 39.8, 100)).max() < 0.4
    rates = values(chains, "Chorus", "rate_hz")
    assert len(rates) == 25
    # by ratio: as many below 1 Hz as above
    assert 8 <= sum(rate < 1 for rate in rates) <= 17
    assert all(0.1 <= rate <= 10 for rate in rates)


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    chains = Chains(per_clip=1, pedals=(DRIVE, CHORUS), shuffled=True)
    first, again, other = (draw_chains(chains, seed, 40) for seed in ("a", "a", "b"))
    assert [c.fingerprint() for c in first] == [c.fingerprint() for c in again]
    assert not {c.fingerprint() for c in first} & {c.fingerprint() for c in other}
    orders = {tuple(pedal.kind for pedal in chain.pedals) for chain in first}
    assert {("Drive", "Chorus"), ("Chorus", "Drive")} <= orders


def test_a_drawn_chain_plays() -> None:
    (chain,) = draw_chains(Chains(per_clip=1, pedals=(DRIVE,)), "seed", 1)
    sound = np.sin(np.arange(4410) / 20)[None].astype(np.float32)
    out = chain.render(sound, 0, -20.0)
    assert out.shape == sound.shape
    assert np.isfinite(out).all()


def test_units_follow_from_names() -> None:
    names = ("drive_db", "rate_hz", "attack_ms", "delay_seconds", "mix")
    assert [unit_of(name) for name in names] == ["dB", "Hz", "ms", "s", ""]
