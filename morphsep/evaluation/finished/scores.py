"""Rows of `OUT/evaluation/tracks.parquet`: what was measured of each track of an output folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from morphsep.errors import ErrorCode, MorphsepError
from morphsep.evaluation.results import Measure, Score
from morphsep.evaluation.tables import defined, write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from morphsep.storage import Location

FOLDER = "evaluation"
"""Below an output folder, beside its manifest."""
TABLE = "tracks.parquet"
VERSION = b"3"
"""Raised whenever a column changes, or what is measured."""

OwnCode = Literal[
    "not_finished", "only_separated", "nothing_morphed", "lossy_result", "not_as_written"
]
Code = OwnCode | ErrorCode
CODES: tuple[str, ...] = (*get_args(OwnCode), *get_args(ErrorCode))
"""Why a track has no scores: those of docs/explanation/evaluation.md, and the manifest's."""

MEASURES = (
    Measure("position", "log-mel position between both tones"),
    Measure("position_deviation", "log-mel position, largest deviation"),
    Measure("convergence_to_target", "spectral convergence to the target"),
    Measure("lean_to_louder", "fusion: lean to the louder end"),
    Measure("crossfade_lean", "fusion: lean of a crossfade at the same amount"),
    Measure("unmixed_part", "fusion: what no mix explains (dB)"),
    Measure("loudness_wobble", "loudness wobble (dB)"),
    Measure("lost_sharpness", "attack sharpness lost (dB in 10 ms)"),
    Measure("zimtohrli_to_target", "Zimtohrli to the target"),
    Measure("seam_step_db", "seams: largest step (dB)"),
    Measure("elsewhere_step_db", "where no seam is: largest step (dB)"),
    Measure("seam_flux_db", "seams: largest flux (dB)"),
    Measure("elsewhere_flux_db", "where no seam is: largest flux (dB)"),
    Measure("double_slope", "rooms: late over early decay time, largest"),
    Measure("song_louder", "the song, louder than before (LU)"),
)
"""Columns. Means over a track's excerpts but for those that are the largest."""


Values = dict[str, float]
"""By the name of the measure."""


class NotScoredError(MorphsepError):
    """There is nothing to measure of a track. Becomes its row."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackScore:
    """One track."""

    track: str
    key: str
    """Of the result that was measured: the manifest's."""
    finished_ns: int
    """Likewise."""
    source: str
    """The digest of the input: tracks of one input are no independent evidence."""
    separator: str
    backend: str
    from_tone: str
    to_tone: str
    amount: float | None = None
    """Mean of the amounts asked for, in the excerpts."""
    excerpts: int = 0
    seams: int = 0
    """That were looked at."""
    values: Mapping[str, float] = field(default_factory=dict)
    """By the name of the measure; those that are not defined are not there."""
    not_measured: str = ""
    """What is not there, and why."""
    error_code: str = ""
    """Why nothing could be measured; one of `CODES`."""
    message: str = ""
    """The same as a sentence."""

    @property
    def transition(self) -> str:
        """Both tones."""
        return f"{self.from_tone} to {self.to_tone}"

    def score(self) -> Score:
        """As the tables of results take it."""
        return Score(
            item=self.track, transition=self.transition, source=self.source, backend=self.backend,
            error=self.message, values=self.values,
        )  # fmt: skip


TEXTS = (
    "track", "key", "source", "separator", "backend", "from_tone", "to_tone", "not_measured",
    "error_code", "message",
)  # fmt: skip
COUNTS = ("finished_ns", "excerpts", "seams")


def write_track_scores(folder: Location, scores: Iterable[TrackScore], tools: str) -> None:
    """Writes the table, whole or not at all, in order of the tracks' names.

    Args:
        tools: names what measures beside this code; rows of other tools are not gone on with.
    """
    rows = [
        {name: getattr(score, name) for name in (*TEXTS, *COUNTS, "amount")}
        | {each.name: defined(score.values.get(each.name)) for each in MEASURES}
        for score in sorted(scores, key=lambda score: score.track)
    ]
    write_parquet(folder / TABLE, rows, _schema(tools))


def read_track_scores(folder: Location, tools: str) -> list[TrackScore]:
    """The rows of an earlier evaluation by the same code and tools; none if there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with (folder / TABLE).reading() as path:
            table = pq.read_table(path)
    except (FileNotFoundError, pa.ArrowInvalid):
        return []
    if not table.schema.equals(_schema(tools), check_metadata=True):
        return []
    return [_score(row) for row in table.to_pylist()]


def _score(row: Mapping[str, Any]) -> TrackScore:
    values = {each.name: row[each.name] for each in MEASURES if row[each.name] is not None}
    return TrackScore(**{name: row[name] for name in (*TEXTS, *COUNTS, "amount")}, values=values)


def _schema(tools: str) -> pa.Schema:
    import pyarrow as pa

    texts = [pa.field(name, pa.string(), nullable=False) for name in TEXTS]
    counts = [pa.field(name, pa.int64(), nullable=False) for name in COUNTS]
    numbers = [pa.field(name, pa.float64()) for name in ("amount", *(m.name for m in MEASURES))]
    return pa.schema([*texts, *counts, *numbers], {b"version": VERSION, b"tools": tools.encode()})
