"""What evaluation work has rendered: `sounds.parquet`, one row a sound, beside the sounds.

    EVAL/sounds.parquet          the table that `write_sounds` writes and `read_sounds` reads
    EVAL/...                     the files that it names

An *item* is one pair of ends: the same notes in the two tones of a transition. Its sounds are two
ends, what each backend made of them at some amounts, and, where the real knob can be turned, the
true in-betweens. All sounds of an item have the same length, rate and number of channels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from morphsep.audio import AudioReader
from morphsep.dsp import ModelRateReader, Signal
from morphsep.errors import SettingError, TrackError
from morphsep.evaluation.tables import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location

TABLE = "sounds.parquet"
VERSION = b"1"

Role = Literal["a", "b", "morph", "truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One row: a file, and what is heard in it."""

    item: str
    """The pair of ends, the same text in all of its rows and in no other pair's."""
    transition: str
    """What goes over into what: ``clean-to-high-gain``, or a device and its knob."""
    source: str
    """Whose notes: the recording that the item was cut from. Items of one source are no
    independent evidence."""
    role: Role
    """``a`` and ``b``: the ends. ``morph``: an in-between by a backend. ``truth``: an in-between by
    the real knob. What a backend renders at the amounts 0 and 1 is a ``morph``, too."""
    backend: str = ""
    """The backend's name, and its setting where it ran in several (``diffusion two-sided``);
    empty for ends and truths. ``crossfade`` is the baseline that listeners compare with."""
    amount: float
    """Where between the ends, in [0, 1]; 0 and 1 for ``a`` and ``b``."""
    path: str
    """The file (FLAC or WAV), relative to the folder of the table and below it."""

    def key(self) -> tuple[str, Role, str, float]:
        """What no other row of a table shares."""
        return self.item, self.role, self.backend, self.amount

    def __str__(self) -> str:
        who = f"{self.role} by {self.backend}" if self.backend else self.role
        return f"{self.item}, {who} at {self.amount:g}"


def write_sounds(folder: Location, sounds: Iterable[Sound]) -> None:
    """Writes the table of a folder, whole or not at all, sorted: the same rows, the same bytes.

    Raises:
        SettingError: the rows contradict each other; see `check_sounds`.
    """
    rows = sorted(sounds, key=Sound.key)
    check_sounds(rows)
    write_parquet(folder / TABLE, [asdict(row) for row in rows], _schema())


def read_sounds(folder: Location) -> list[Sound]:
    """The rows of a folder's table.

    Raises:
        SettingError: there is no such table, it is of another version, or its rows contradict each
            other.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = folder / TABLE
    try:
        with place.reading() as path:
            table = pq.read_table(path)
    except FileNotFoundError:
        raise SettingError(
            f"{folder} has no {TABLE}; name the folder that `morphsep evaluate` has written"
        ) from None
    except pa.ArrowInvalid as error:
        raise SettingError(f"{place} is damaged: {error}; evaluate again") from error
    if (table.schema.metadata or {}).get(b"version") != VERSION:
        raise SettingError(f"{place} is of another version; evaluate again")
    rows = [Sound(**row) for row in table.to_pylist()]
    check_sounds(rows)
    return rows


def load_sound(folder: Location, sound: Sound) -> Signal:
    """A whole file of a table, ``[C, T]`` at 44.1 kHz.

    Raises:
        SettingError: it is not there, lossy, or holds samples that are no numbers.
    """
    try:
        with (folder / sound.path).reading() as path, AudioReader(str(path)) as reader:
            if reader.info.is_lossy:
                raise SettingError(f"{sound.path} is lossy; evaluate again, it writes FLAC")
            samples = ModelRateReader(reader)
            whole = samples.read(0, samples.num_samples)
    except (TrackError, FileNotFoundError) as error:
        raise SettingError(f"{sound}: {error}; evaluate again") from error
    if not np.isfinite(whole).all():
        raise SettingError(f"{sound.path} holds samples that are no numbers; evaluate again")
    return whole


def check_sounds(sounds: Iterable[Sound]) -> None:
    """Checks that rows make sense together. Whether their files are there is not looked at.

    Raises:
        SettingError: a row that cannot be, one that is there twice, an item without both ends, or
            of several transitions or sources.
    """
    rows = list(sounds)
    for row in rows:
        if wrong := _fault(row):
            raise SettingError(f"{TABLE}: {row}: {wrong}")
    for key, count in Counter(row.key() for row in rows).items():
        if count > 1:
            raise SettingError(f"{TABLE}: item {key[0]} has {count} rows of {key[1:]}")
    for item, its_rows in groupby(sorted(rows, key=Sound.key), key=lambda row: row.item):
        _check_item(item, list(its_rows))


def _fault(row: Sound) -> str:
    """What is wrong with one row; empty if nothing is."""
    ends = {"a": 0.0, "b": 1.0}
    if row.role not in get_args(Role):
        return f"role must be one of {', '.join(get_args(Role))}"
    if not 0 <= row.amount <= 1:
        return "amount must be within 0 ... 1"
    if ends.get(row.role, row.amount) != row.amount:
        return f"the amount of end {row.role} is {ends[row.role]:g}"
    if (row.role == "morph") != bool(row.backend):
        return "a morph has a backend, and nothing else has one"
    return "" if row.item and row.path else "item and path must not be empty"


def _check_item(item: str, rows: list[Sound]) -> None:
    if not {"a", "b"} <= {row.role for row in rows}:
        raise SettingError(f"{TABLE}: item {item} lacks an end; it needs rows of role a and b")
    if len({(row.transition, row.source) for row in rows}) > 1:
        raise SettingError(f"{TABLE}: item {item} has several transitions or sources")


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"amount": pa.float64()}
    columns = [
        pa.field(field.name, kinds.get(field.name, pa.string()), nullable=False)
        for field in fields(Sound)
    ]
    return pa.schema(columns, {b"version": VERSION})
