"""From a seed to files: what each is made of and what was done to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.campaign_files import spoiling
from jobs.campaign_files.catalogue import Encoder, encode
from jobs.campaign_files.sounds import Part
from jobs.campaign_files.tagging import Claim, tag

NAMES = (
    "{}", "{}", "{}", "{}", " {} ", "-{}", "ä {} 日本", "{}\n2", "{}\x1b[31m", "{}'\"$`", "{}%d#?&",
    "{}" + "x" * 200, ".{}", "{}.tar", "{}:2", "a/b {}",
)  # fmt: skip
SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".WAV", ".bin", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file."""

    path: Path
    encoder: Encoder
    what: str
    """What was done to it, in few words."""
    parts: tuple[Part, ...]
    """The sound that was put into it, one after another."""
    claims: tuple[Claim, ...] = ()
    is_damaged: bool = False
    """Whether something of its sound or of its tags may have been destroyed."""
    is_lying: bool = False
    """Whether a number in its header may be wrong, though all is there."""


SOUNDS = [
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".ds",
    ".flac",
    ".it",
    ".m4a",
    ".mid",
    ".mod",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".s3m",
    ".voc",
    ".w64",
    ".wav",
    ".wma",
    ".wv",
    ".xm",
]
"""Suffixes of what holds sound, or the notes of some."""

Change = Callable[[Case, bytes, random.Random], tuple[Case, bytes]]


def build(folder: Path, seed: int, count: int, encoders: Sequence[Encoder]) -> Iterator[Case]:
    """Writes ``count`` files and tells of each. The same seed makes the same files, as far as the
    encoders do."""
    usable = [encoder for encoder in encoders if encoder.is_here]
    index = tried = 0
    while index < count and tried < 4 * count:
        dice = random.Random(f"{seed} {tried}")
        # every encoder in turn; every change as often as every other
        made = _make(folder, index, usable[tried % len(usable)], dice)
        tried += 1
        if made is not None:
            index += 1
            yield made


def found(folder: Path) -> Iterator[Case]:
    """The files of sound that lie in a folder, by the folders next below it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SOUNDS and path.is_file() and not path.is_symlink():
            encoder = Encoder(suffix=path.suffix, command=("found",))
            yield Case(path=path, encoder=encoder, what=path.relative_to(folder).parts[0], parts=())


def _make(folder: Path, index: int, encoder: Encoder, dice: random.Random) -> Case | None:
    part = _part(encoder, dice)
    words = f"word{dice.randrange(10**9):09d}"
    data = encode(encoder, part, words)
    if data is None:
        return None
    title = Claim(word=words, names=("title",))
    path = folder / f"{index:04d}" / (f"f{index}" + encoder.suffix)
    case = Case(path=path, encoder=encoder, what="", parts=(part,), claims=(title,))
    for change in dice.choice(CHANGES):
        case, data = change(case, data, dice)
    case.path.parent.mkdir(parents=True, exist_ok=True)
    case.path.write_bytes(data)
    return replace(case, what=case.what.strip(", ") or "as written")


def _part(encoder: Encoder, dice: random.Random) -> Part:
    usual = [rate for rate in (44_100, 48_000) if rate in encoder.rates]
    rate = dice.choice(usual if usual and dice.random() < 0.5 else encoder.rates)
    most = encoder.most_channels if dice.random() < 0.2 else min(2, encoder.most_channels)
    return Part(
        seed=dice.randrange(2**32),
        num_samples=round(rate * dice.uniform(0.6, 1.6)),
        sample_rate=rate,
        num_channels=dice.randint(1, most),
    )


def _joined(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
    """Two or three files of one kind, one behind another."""
    for _ in range(dice.choice((1, 1, 2))):
        length = round(case.parts[0].num_samples * dice.uniform(0.5, 1.0))
        part = replace(case.parts[0], seed=dice.randrange(2**32), num_samples=length)
        more = encode(case.encoder, part)
        if more is None:
            break
        between = spoiling.id3v2(dice) if dice.random() < 0.3 else b""
        data += between + more
        case = replace(case, parts=(*case.parts, part))
    return replace(case, what=case.what + ", joined"), data


def _joined_unlike(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
    """Behind it a file of another rate or number of channels, of the same kind."""
    first = case.parts[0]
    rates = [rate for rate in case.encoder.rates if rate != first.sample_rate and rate >= 8_000]
    rate = dice.choice(rates or [first.sample_rate])
    part = replace(
        first, seed=dice.randrange(2**32), sample_rate=rate,
        num_channels=first.num_channels if rates else 3 - min(2, first.num_channels),
    )  # fmt: skip
    more = encode(case.encoder, part)
    if more is not None:
        case, data = replace(case, parts=(first, part)), data + more
    return replace(case, what=case.what + ", joined to another rate"), data


def _tagged(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
    case.path.parent.mkdir(parents=True, exist_ok=True)
    case.path.write_bytes(data)
    claims = tag(case.path, dice)
    tagged = case.path.read_bytes()
    return replace(case, what=case.what + ", tagged", claims=(*case.claims, *claims)), tagged


def _named(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
    name = dice.choice(NAMES).format(case.path.stem)
    path = case.path.parent / (name + case.path.suffix)
    return replace(case, what=case.what + ", odd name", path=path), data


def _misnamed(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
    path = case.path.parent / (case.path.stem + dice.choice(SUFFIXES))
    return replace(case, what=case.what + ", wrong suffix", path=path), data


def _spoiled(spoil: spoiling.Spoil, what: str, damages: bool) -> Change:
    def change(case: Case, data: bytes, dice: random.Random) -> tuple[Case, bytes]:
        spoiled = replace(
            case,
            what=f"{case.what}, {what}",
            is_damaged=case.is_damaged or damages,
            is_lying=case.is_lying or spoil is spoiling.lie,
        )
        return spoiled, spoil(data, dice)

    return change


_CUT = _spoiled(spoiling.cut, "cut", True)
_MUTATED = _spoiled(spoiling.mutate, "mutated", True)
_HOLED = _spoiled(spoiling.lose_a_span, "a span lost", True)
_PADDED = _spoiled(spoiling.pad, "padded", False)
_PREFIXED = _spoiled(spoiling.prefix, "prefixed", False)
_LYING = _spoiled(spoiling.lie, "lying header", False)
_CHUNKED = _spoiled(spoiling.add_chunk, "odd chunk", False)

CHANGES: tuple[tuple[Change, ...], ...] = (
    (), (_tagged,), (_tagged, _named), (_joined,), (_joined,), (_tagged, _joined),
    (_joined_unlike,), (_CUT,), (_tagged, _CUT), (_MUTATED,), (_MUTATED,), (_tagged, _MUTATED),
    (_HOLED,), (_PADDED,), (_tagged, _PADDED), (_PREFIXED,), (_PREFIXED, _PADDED), (_LYING,),
    (_LYING,), (_joined, _LYING), (_CHUNKED,), (_CHUNKED, _CHUNKED), (_tagged, _CHUNKED),
    (_CHUNKED, _joined), (_misnamed,), (_named,), (_joined, _CUT),
)  # fmt: skip
"""What may happen to a file: one of these."""
