"""The table of `jobs.bench.metrics`: a metric a row, from what was measured of each clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.bench.metric_values import AMOUNTS, GAIN_DB, MORE_IS_BETTER, UNITS

Floats = npt.NDArray[np.float64]
Kept = dict[tuple[str, str], dict[str, Any]]
"""(clip, measure) -> what was measured."""
Records = Sequence[Mapping[str, Any]]
"""What was measured of each clip by one measure."""


def share_better(label: str, ours: Floats, theirs: Floats) -> float:
    """Share of clips in which our value is the better one; ties count half.

    >>> share_better("loudness wobble", np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    0.75
    """
    difference = ours - theirs if label in MORE_IS_BETTER else theirs - ours
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))


def verdict(share: float) -> str:
    """In words: does a metric prefer the knob in this share of the clips?"""
    if share >= 0.9:
        return "yes"
    if share >= 0.65:
        return "weakly"
    return "no" if share > 0.35 else "no: prefers the crossfade"


def blindness(moved: float) -> str:
    """In words: is a metric blind to a gain that moves it by this part of a crossfade's value?"""
    if np.isnan(moved):
        return ""
    return "yes" if moved < 0.01 else f"no: {moved:.0%}"


def column(label: str, records: Records, kind: str, other: str) -> tuple[Floats, Floats]:
    """A metric's values of two kinds of sequence, of the clips where both are numbers."""
    pairs = [
        (r["values"][kind][label], r["values"][other][label])
        for r in records
        if kind in r["values"] and other in r["values"]
    ]
    both = np.array([pair for pair in pairs if np.isfinite(pair).all()]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def row(label: str, records: Records, seconds: float) -> str:
    """One metric as a line of the table."""
    knob, crossfade = column(label, records, "knob", "crossfade")
    unit = f" ({UNITS[label]})" if label in UNITS else ""
    if not knob.size:
        return f"| {label}{unit} | | | | | | | | 0 |"
    share = share_better(label, knob, crossfade)
    beside_late = column(label, records, "knob", "late")
    against_late = f"{share_better(label, *beside_late):.0%}" if beside_late[0].size else ""
    louder, before = column(label, records, "louder", "knob")
    scale = max(float(np.median(np.abs(crossfade))), 1e-9)
    moved = float(np.median(np.abs(louder - before))) / scale if louder.size else float("nan")
    cost = 1000 * float(np.median([r["cpu"] for r in records])) / (seconds * len(AMOUNTS))
    return (
        f"| {label}{unit} | {np.median(knob):.3g} | {np.median(crossfade):.3g} | {verdict(share)} "
        f"| {share:.0%} | {against_late} | {blindness(moved)} "
        f"| {cost:.0f} | {knob.size} |"
    )


NOTE = f"""
Medians over the clips. *Separates*: the knob's value is the better one in 90 % of them (weakly:
65 %). *Blind to gain*: inner sounds {GAIN_DB:g} dB louder move the value by less than 1 % of a
crossfade's. The knob is its own truth. CPU ms for a second of sound."""


def print_table(kept: Kept, names: Sequence[str], seconds: float) -> None:
    """A row a metric."""
    print("| metric | knob | crossfade | separates "
        "| knob better than crossfade | knob better than crossfade 1 ms late | blind to gain "
          "| CPU ms / s | clips |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        records = [record for (_, measure), record in kept.items() if measure == name]
        for label in records[0]["values"]["knob"] if records else ():
            print(row(label, records, seconds))
    print(NOTE)


def print_by_transition(kept: Kept, names: Sequence[str], transitions: Sequence[str]) -> None:
    """A row a metric, a column a transition: the share of clips in which the knob is better."""
    print(f"\n| knob better | {' | '.join(transitions)} |")
    print("|---" * (len(transitions) + 1) + "|")
    for name in names:
        records = [record for (_, measure), record in kept.items() if measure == name]
        for label in records[0]["values"]["knob"] if records else ():
            cells = [_share_of(label, records, transition) for transition in transitions]
            print(f"| {label} | {' | '.join(cells)} |")


def _share_of(label: str, records: Records, transition: str) -> str:
    among = [each for each in records if each["clip"].endswith(f" {transition}")]
    knob, crossfade = column(label, among, "knob", "crossfade")
    return f"{share_better(label, knob, crossfade):.0%}" if knob.size else ""
