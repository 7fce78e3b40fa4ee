"""What of an evaluation the page plays: the cells where backends are furthest from the truth, and
one in the middle, each beside the truth and everybody else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.evaluation.document import Block, Bullets, Heading, Players
from morphsep.evaluation.page import clips, fitting
from morphsep.evaluation.results.reporting import Results
from morphsep.evaluation.results.scores import BASELINE, KNOB
from morphsep.evaluation.sounds import Sound, load_sound, read_sounds
from morphsep.evaluation.texts import Code, Text, joined
from morphsep.storage import Location

SECONDS = 4
"""Of each clip that are played, from its beginning."""
HOW = (
    "Each group is one clip at one amount. Keys 1 to 9 within it change to another sound at the "
    f"same moment. All are at one loudness, FLAC with 16 bits; of each the first {SECONDS} s."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A backend, a transition and an amount."""

    backend: str
    transition: str
    amount: float


def players(folder: Location, results: Results) -> Iterator[Block]:
    """The worst two cells of each backend and the one in its middle; no more groups than fit into
    a page.

    Raises:
        SettingError: a sound of the table cannot be read.
    """
    sounds = defaultdict[str, list[Sound]](list)
    for sound in read_sounds(folder):
        sounds[sound.item].append(sound)
    chosen = _chosen(results)
    groups = list(
        fitting(
            _group(folder, item, amount, sounds[item], why)
            for (item, amount), why in chosen.items()
        )
    )
    if groups:
        left = len(chosen) - len(groups)
        yield Heading("Listen")
        yield Bullets(
            [HOW, *([f"{left} more groups would make the page too large."] if left else [])]
        )
        yield from groups


def _chosen(results: Results) -> Mapping[tuple[str, float], list[Text]]:
    """(item, amount) of each group, and what is said of it: the worst of all backends first."""
    ranked: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(results.cells, key=lambda cell: -results.cells[cell]):
        ranked[cell[0]].append(Cell(*cell))
    backends = [name for name in sorted(ranked) if name not in (KNOB, BASELINE)] or [
        name for name in sorted(ranked) if name != KNOB
    ]
    chosen: dict[tuple[str, float], list[Text]] = {}
    for title, place in (("furthest from the truth", 0), ("second furthest", 1), ("median", None)):
        for backend in backends:
            cells = ranked[backend]
            at = len(cells) // 2 if place is None else place
            if at < len(cells):
                item, distance = _typical(results, cells[at], place is None)
                why = (Code(backend), f", {title} of its cells: {distance:.1f} dB here")
                chosen.setdefault((item, cells[at].amount), []).append(why)
    return chosen


def _typical(results: Results, cell: Cell, median: bool) -> tuple[str, float]:
    """The clip of a cell that is furthest from the truth, or in the middle, and its distance."""
    known = sorted(
        (score.distances[score.amounts.index(cell.amount)], score.item)
        for score in results.comparable
        if (score.backend, score.transition) == (cell.backend, cell.transition)
        and cell.amount in score.amounts
    )
    distance, item = known[len(known) // 2 if median else -1]
    return item, distance


def _group(
    folder: Location, item: str, amount: float, sounds: Sequence[Sound], why: Sequence[Text]
) -> Players:
    here = {
        _label(sound): sound for sound in sorted(sounds, key=_order) if _is_heard(sound, amount)
    }
    samples = {label: _cut(load_sound(folder, sound)) for label, sound in here.items()}
    return Players(title=f"{item} at {amount:g}", text=joined("; ", why), clips=clips(samples))


def _is_heard(sound: Sound, amount: float) -> bool:
    is_end = sound.role in ("a", "b")
    return is_end or (sound.amount == amount and sound.backend != KNOB)  # which is the truth


def _label(sound: Sound) -> str:
    names = {"a": "tone morphed from", "b": "tone morphed towards", "truth": "the truth"}
    return names.get(sound.role) or sound.backend


def _order(sound: Sound) -> tuple[int, bool, str]:
    """The first end, the truth, backends with the crossfade last, the other end."""
    return ("a", "truth", "morph", "b").index(sound.role), sound.backend == BASELINE, sound.backend


def _cut(sound: Signal) -> Signal:
    return sound[:, : SECONDS * MODEL_RATE]
