"""What is known of the recordings that a data set is made of: who plays, who allows what, and in
which split each lies."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from morphsep.errors import ErrorCode
from morphsep.request import SOURCE_COLUMNS, Job
from morphsep.storage import digest

SPELT = {"license": "licence", "url": "source_url"}
"""Other names under which lists have them."""
SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a list says of a recording, and its split."""

    song: str | None = None
    artist: str | None = None
    player: str | None = None
    licence: str | None = None
    source_url: str | None = None
    attribution: str | None = None
    split: str = ""

    @classmethod
    def of(cls, job: Job) -> SourceFacts:
        """What the row of a job's list says."""
        said = json.loads(job.list_columns) if job.list_columns else {}
        plain = {str(name).strip().lower(): value for name, value in said.items()}
        named = {_spelt(name): value for name, value in plain.items() if name in SPELT}
        named |= {name: value for name, value in plain.items() if _text(value)}
        found = {name: _text(named.get(name)) for name in SOURCE_COLUMNS if name not in SPELT}
        if found["licence"] and UNKNOWN.fullmatch(found["licence"]):
            found["licence"] = None
        return cls(**found, split=str(named.get(SPLIT) or ""))

    def beside(self, job: Job) -> Job:
        """A job that carries them: what they say otherwise than its list stands in its place."""
        said = json.loads(job.list_columns) if job.list_columns else {}
        told = asdict(SourceFacts.of(job))
        changed = {name: value for name, value in asdict(self).items() if value != told[name]}
        changed[SPLIT] = self.split
        kept = {name: value for name, value in said.items() if _spelt(name) not in changed}
        new = {name: value for name, value in changed.items() if value is not None}
        return replace(job, list_columns=json.dumps(kept | new, ensure_ascii=False))

    def whose(self) -> list[str]:
        """What must not lie in two splits: the artist, the song."""
        named = (("artist", self.artist), ("song", self.song))
        return [f"{what}: {_plain(name)}" for what, name in named if name]


def _spelt(name: str) -> str:
    """A list's column by its usual name."""
    plain = name.strip().lower()
    return SPELT.get(plain, plain)


def _text(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None


def _plain(name: str) -> str:
    """The same for all spellings that mean the same to people."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def groups(whose: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each recording the name of its group: recordings of one artist, or of one song, and
    whoever is linked to them in turn.

    Args:
        whose: for each recording whose it is.
    """
    leader = {name: name for names in whose.values() for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for names in whose.values():
        ends = sorted(find(name) for name in names)
        for other in ends[1:]:
            leader[other] = ends[0]
    return {recording: find(names[0]) for recording, names in whose.items()}


def split_of(whose: str, splits: Mapping[str, float], seed: int) -> str:
    """The split that an artist, song or recording lies in, whatever else there is.

    Args:
        whose: see `SourceFacts.whose`.
        splits: shares by name, which add up to 1.
    """
    u = int(digest("split", seed, whose)[:12], 16) / 16**12
    names = [name for name, share in splits.items() if share > 0]
    for name in names:
        u -= splits[name]
        if u < 0:
            return name
    return names[-1]


NO_DERIVATIVES = re.compile(r"(?<![a-z])nd(?![a-z])|no[ -]?deriv", re.IGNORECASE)
NON_COMMERCIAL = re.compile(r"(?<![a-z])nc(?![a-z])|non[ -]?commercial", re.IGNORECASE)
ALLOWS_COMMERCE = re.compile(
    r"cc[ -]?0|cc[ -]?by|attribution|public[ -]?domain|(?<![a-z])(mit|bsd|apache|isc|zlib|gpl|lgpl|"
    r"odbl|odc|mpl|unlicense|pddl)",
    re.IGNORECASE,
)
"""Licences that allow it, if nothing of `NON_COMMERCIAL` stands there."""
UNKNOWN = re.compile(r"(unknown|n/?a|none( stated)?|not (known|stated)|\?|-)", re.IGNORECASE)
"""What lists write where they know no licence."""
SHARE_ALIKE = re.compile(r"(?<![a-z])sa(?![a-z])|share[ -]?alike", re.IGNORECASE)


def forbids_commerce(licence: str) -> bool:
    """Whether a licence forbids commercial use."""
    return bool(NON_COMMERCIAL.search(licence))


def strictness(licence: str | None) -> int:
    """The higher, the less a licence allows. In this order: all, if the source is named; share
    alike; not known; non-commercial; both; something else; no changed copies."""
    if licence is None:
        return 2
    if NO_DERIVATIVES.search(licence):
        return 6
    shared = bool(SHARE_ALIKE.search(licence))
    if forbids_commerce(licence):
        return 3 + shared
    return int(shared) if shared or ALLOWS_COMMERCE.search(licence) else 5


def refusal(licence: str | None, *, commercial_only: bool) -> tuple[ErrorCode, str] | None:
    """Why a recording under a licence may not be used; None if it may.

    Args:
        licence: as a list has it (``CC-BY-ND-4.0``); None: not known, which is said in the card.
        commercial_only: whether the data set must be free for commercial use.
    """
    if licence and NO_DERIVATIVES.search(licence):
        return (
            "licence_forbids",
            f"its licence ({licence}) allows no changed copies, which a data set consists of; "
            "leave it out or ask its owner",
        )
    return _not_commercial(licence) if commercial_only else None


def _not_commercial(licence: str | None) -> tuple[ErrorCode, str] | None:
    """Why it does not count as free for commercial use."""
    if licence is None:
        return (
            "licence_forbids",
            "no licence is known of it, so it cannot count as free for commercial use; name it in "
            "the list's column licence, or leave out --commercial-only",
        )
    if forbids_commerce(licence) or not ALLOWS_COMMERCE.search(licence):
        return (
            "licence_forbids",
            f"its licence ({licence}) is not one that is known to allow commercial use; leave it "
            "out, or --commercial-only",
        )
    return None


def conditions(licences: Sequence[str | None]) -> list[str]:
    """What the licences of sources ask of whoever uses the data set, in sentences."""
    found = []
    if any(licence and forbids_commerce(licence) for licence in licences):
        found.append("Not for commercial use: some recordings forbid it.")
    if any(licence and SHARE_ALIKE.search(licence) for licence in licences):
        found.append("Share alike: what is made of it goes on under the same licence.")
    if None in licences:
        found.append("Of some recordings no licence is known: ask before you hand it on.")
    return found
