"""``ensemble``: the weighted mean of what several separators find.

The STFT is linear, so the mean of spectrograms is the mean of samples, which is what is computed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal
from morphsep.errors import SettingError
from morphsep.separators.separator import Mix, Separator
from morphsep.separators.traits import SeparatorTraits

NAME = "ensemble"
NO_MEMBERS = (NAME, "auto", "stem")
"""What an ensemble cannot have in it."""
VERSION = 1
"""Version of the arithmetic here; part of the fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One separator of an ensemble, as it was named, and its weight."""

    separator: str
    weight: float = 1.0


def parse_members(text: str, names: Collection[str]) -> tuple[Member, ...]:
    """The members of ``A+B``, ``A@0.7+B@0.3``; each named as behind ``--separator``.

    Args:
        names: of the separators that there are. A plus sign in a path is part of the path unless
            one of these follows.

    Raises:
        SettingError: fewer than two, one that cannot be a member, or a weight of 0 or less.
    """
    known = "|".join(re.escape(name) for name in sorted({*names, *NO_MEMBERS}, key=len)[::-1])
    parts = re.split(rf"\+(?=(?:{known})(?:[:@+]|$))", text) if text else []
    members = tuple(map(_member, parts))
    if len(members) < 2:
        raise SettingError(
            f"an ensemble needs two separators or more, ensemble:A+B, not {text!r}; there are: "
            f"{', '.join(sorted(set(names) - set(NO_MEMBERS)))}"
        )
    for member in members:
        if member.separator.partition(":")[0] in NO_MEMBERS:
            raise SettingError(
                f"{member.separator} cannot be in an ensemble; name what makes stems"
            )
    return members


def _member(text: str) -> Member:
    found = re.fullmatch(r"(.+)@(\d+\.?\d*|\.\d+)", text)
    member = Member(separator=found[1], weight=float(found[2])) if found else Member(separator=text)
    if not 0 < member.weight < float("inf"):
        raise SettingError(f"the weight of {member.separator} in an ensemble must be above 0")
    return member


class Ensemble:
    """The weighted mean of separators.

    Args:
        members: two or more, each with its weight, above 0; only their ratios matter.
    """

    name = NAME
    description = "the mean of two or more separators: ensemble:A+B, with weights ensemble:A@2+B@1"
    licence = "Apache-2.0 (weights: those of its members)"

    def __init__(self, members: Sequence[tuple[Separator, float]]) -> None:
        total = sum(weight for _, weight in members)
        self._members = [(separator, weight / total) for separator, weight in members]

    @property
    def weights_hash(self) -> str | None:
        """sha256 (hex) over those of the members; None if none has weights."""
        hashes = [separator.weights_hash or "" for separator, _ in self._members]
        return hashlib.sha256(" ".join(hashes).encode()).hexdigest() if any(hashes) else None

    @property
    def weights_licence(self) -> str | None:
        """Those of the members' weights; None if none has any."""
        found = (SeparatorTraits(one).weights_licence for one, _ in self._members)
        return "; ".join(dict.fromkeys(filter(None, found))) or None

    def fingerprint(self) -> str:
        """Those of the members, with their shares."""
        parts = (f"{share:.9g} * ({one.fingerprint()})" for one, share in self._members)
        return f"{NAME}/{VERSION} {' + '.join(parts)}"

    def separate(self, mix: Mix, start: int, stop: int) -> Signal:
        """The mean of the members' stems in [start, stop): ``[C, stop - start]``.

        Raises:
            TrackError: a member cannot separate this track.
        """
        stem = np.zeros((mix.num_channels, stop - start), np.float32)
        for separator, share in self._members:
            stem += np.float32(share) * separator.separate(mix, start, stop)
        return stem
