"""What describes a data set: its card (README.md), croissant.json, rejected.parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from morphsep.dataset.columns import COLUMNS, column_names
from morphsep.dataset.coverage import Coverage
from morphsep.dataset.croissant import croissant
from morphsep.dataset.lock import CARD, CROISSANT, REJECTED
from morphsep.dataset.recipe import DataRecipe
from morphsep.dataset.rendering import REASONS
from morphsep.dataset.shards import Written
from morphsep.dataset.sources import conditions
from morphsep.storage import Location

NOT_GOOD_FOR = (
    "Judging how people hear: positions are distances of spectrograms, and nobody has listened.",
    "Learning how separators err, where guitars were taken out of mixes: dry then holds what the "
    "separator left of other instruments (column stem_quality).",
)

ROWS = 10_000
"""Rows that were left out, of which so many are in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a card says."""

    recipe: DataRecipe
    recipe_text: str
    shards: Sequence[Written]
    coverage: Coverage
    rejected: Mapping[str, int]
    """Rows that were left out, by reason."""
    without_guitar: int
    """Lengths of a clip in which no guitar plays."""

    @property
    def splits(self) -> dict[str, list[Written]]:
        """The shards of each split."""
        found: dict[str, list[Written]] = {}
        for shard in self.shards:
            found.setdefault(shard.split, []).append(shard)
        return found


def write_description(
    out: Location,
    recipe: DataRecipe,
    recipe_text: str,
    shards: Sequence[Written],
    rejected: Iterable[Mapping[str, Any]],
    without_guitar: int,
) -> None:
    """Writes what describes a data set beside its shards, which are read for it."""
    facts = Facts(
        recipe=recipe, recipe_text=recipe_text, shards=shards,
        coverage=Coverage.of(out, [shard.name for shard in shards]),
        rejected=_write_rejected(out, rejected), without_guitar=without_guitar,
    )  # fmt: skip
    (out / CARD).write_bytes("\n".join(card(facts)).encode())
    described = croissant(facts.splits, recipe, facts.coverage.licences)
    (out / CROISSANT).write_bytes(json.dumps(described, indent=2).encode())


def _write_rejected(out: Location, rejected: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Returns how many there are for each reason."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("id", pa.string()), ("reason", pa.string()), ("wet_gain_db", pa.float64()),
            ("peak", pa.float64()), ("lag", pa.int32()),
        ]
    )  # fmt: skip
    reasons, rest = Counter[str](), iter(rejected)
    with (out / REJECTED).writing() as path, pq.ParquetWriter(path, schema) as writer:
        while rows := list(islice(rest, ROWS)):
            reasons.update(str(row["reason"]) for row in rows)
            writer.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
        if not reasons:
            writer.write_table(schema.empty_table())
    return reasons


def card(facts: Facts) -> Iterator[str]:
    """The lines of the card, with the front matter that Hugging Face's hub reads."""
    import yaml

    yield "---"
    yield yaml.safe_dump(_front_matter(facts), sort_keys=False, allow_unicode=True).rstrip()
    yield "---"
    yield from _overview(facts)
    yield from _coverage(facts.coverage)
    yield from ["", "## Columns", "", "| column | what it says |", "|---|---|"]
    for name in column_names(backing=facts.recipe.backing):
        yield f"| `{name}` | {COLUMNS[name][1]} |"
    yield from _left_out(facts)
    yield from _licences(facts.coverage.licences)
    yield from ["", "## Not good for", "", *(f"- {each}" for each in NOT_GOOD_FOR)]
    yield from ["", "## How it was made", ""]
    yield "`morphsep generate SOURCES -o DATASET --recipe recipe.yaml`, with this recipe:"
    yield from ["", "```yaml", facts.recipe_text.rstrip(), "```", ""]


def _licences(licences: Mapping[str | None, int]) -> Iterator[str]:
    yield from ["", "## Licences", ""]
    for licence, rows in sorted(licences.items(), key=lambda one: str(one[0])):
        yield f"- {licence or 'not known'}: {rows} rows"
    yield from (f"- {sentence}" for sentence in conditions(list(licences)))
    yield "- Whoever is to be named stands in the column `attribution`."


def _front_matter(facts: Facts) -> dict[str, Any]:
    known = {licence for licence in facts.coverage.licences if licence}
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in sorted(facts.splits)]
    return {
        "license": known.pop().lower() if len(facts.coverage.licences) == 1 and known else "other",
        "task_categories": ["audio-to-audio"],
        "tags": ["music", "guitar", "audio-effects"],
        "size_categories": [_size_category(sum(shard.rows for shard in facts.shards))],
        "configs": [{"config_name": "default", "data_files": files}],
    }


def _size_category(rows: int) -> str:
    """As Hugging Face's hub names sizes."""
    for most, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if rows < most:
            return name
    return "100K<n<1M" if rows < 1_000_000 else "1M<n<10M"


def _overview(facts: Facts) -> Iterator[str]:
    yield from ["", "# Guitars, dry and changed", "", *_sound(facts.recipe), ""]
    yield from [
        "| split | rows | hours of wet | bytes | artists | songs |",
        "|---|---|---|---|---|---|",
    ]
    for split, shards in sorted(facts.splits.items()):
        rows, size = sum(s.rows for s in shards), sum(s.bytes for s in shards)
        hours = rows * facts.recipe.seconds / 3600
        artists, songs = facts.coverage.in_split(split)
        yield f"| {split} | {rows} | {hours:.2f} | {size} | {artists} | {songs} |"
    yield from ["", "Splits are by artist and song, drawn before cutting."]
    yield "No two recordings in different splits were found to hold the same sound (fingerprints)."


def _sound(recipe: DataRecipe) -> Iterator[str]:
    loudness = "as recorded" if recipe.loudness is None else f"at {recipe.loudness:g} LUFS"
    yield (
        f"Clips of {recipe.seconds:g} s, {recipe.rate} Hz, "
        f"{'mono' if recipe.channels == 1 else 'stereo'}, FLAC of {recipe.bits} bits: `dry` is the "
        f"guitar as it was recorded, `wet` the same through effects, in step and as loud as dry "
        f"({loudness})."
    )
    if not recipe.sound:
        yield (
            "The sound is not here, only its digests: whoever has the recordings makes it with "
            "`morphsep generate SOURCES -o OUT --render THIS_FOLDER`, bit for bit on the same kind "
            "of machine."
        )


def _coverage(coverage: Coverage) -> Iterator[str]:
    yield from [
        "",
        "## What is in it",
        "",
        "| kind | from | to | backend | rows |",
        "|---|---|---|---|---|",
    ]
    for (kind, source, target, backend), rows in sorted(
        coverage.kinds.items(), key=lambda one: tuple(map(str, one[0]))
    ):
        yield f"| {kind} | {source} | {target} | {backend or ''} | {rows} |"
    if not coverage.knobs:
        return
    yield from ["", "Knobs of drawn chains, ten equal parts of what was drawn, rows in each:", ""]
    yield from ["| pedal | knob | from | to | rows |", "|---|---|---|---|---|"]
    for (pedal, knob), histogram in sorted(coverage.knobs.items()):
        low, high, counts = histogram
        yield f"| {pedal} | {knob} | {low:g} | {high:g} | {' '.join(map(str, counts))} |"


def _left_out(facts: Facts) -> Iterator[str]:
    yield from ["", "## Left out", ""]
    yield f"- {facts.without_guitar} lengths of a clip in which no guitar plays"
    for reason, sentence in REASONS.items():
        yield f"- {facts.rejected.get(reason, 0)} rows: {sentence} (`{reason}`)"
    yield f"- The rows are named in `{REJECTED}`; recordings that failed in `manifest/`."
