"""The rows of what a track consists of: its chunks, and the steps of its restoration."""

from __future__ import annotations

from dataclasses import dataclass

from morphsep.manifest.rows import SCHEMA_VERSION, column


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """One chunk of a track."""

    track: str = column("The track it belongs to.", "string", "")
    key: str = column("The track's key: which of its results this is a chunk of.", "string", "")
    index: int = column("Position in the track, from 0.", "int32", 0)
    start: int = column("First sample at 44.1 kHz, from the track's sample 0.", "int64", 0)
    num_samples: int = column("Length at 44.1 kHz, samples, overlaps included.", "int64", 0)
    start_s: float = column("First moment, s.", "float64", 0.0)
    stop_s: float = column("Last moment, s.", "float64", 0.0)
    status: str = column("morphed, zero (amount 0 throughout) or silent (no guitar).", "string", "")
    amount_min: float = column("Smallest amount asked for.", "float32", 0.0)
    amount_mean: float = column("Mean amount asked for.", "float32", 0.0)
    amount_max: float = column("Largest amount asked for.", "float32", 0.0)
    stem_dbfs: float = column("RMS level of the stem, dBFS.", "float32", 0.0)
    seam_step_db: float | None = column(
        "Seam with the chunk before: jump in slope against its neighbourhood, dB.", "float32"
    )
    seam_flux_db: float | None = column(
        "Seam with the chunk before: spectral flux against its neighbourhood, dB.", "float32"
    )
    seam_correlation: float | None = column(
        "Correlation of the two sides of that seam, 0 to 1.", "float32"
    )
    t60_s: float | None = column(
        "Reverberation time at 500 Hz (T30 of ISO 3382-1) of what a click becomes close to the "
        "mean amount (in eighths), s; null where nothing rings, or an echo is louder.",
        "float32",
    )
    double_slope: float | None = column(
        "Its late over its early decay time (-25 to -35 dB, 0 to -10 dB): 1 is one room, 2 and "
        "more are two at once.",
        "float32",
    )
    seconds: float = column("Time spent on this chunk, s.", "float32", 0.0)
    finished_ns: int = column("When the row was written, ns since 1970 (UTC).", "int64", 0)
    schema_version: int = column("Version of this schema.", "int32", SCHEMA_VERSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a restoration, on one track."""

    track: str = column("The track it belongs to.", "string", "")
    key: str = column("The track's key: which of its results this is a step of.", "string", "")
    index: int = column("Position among the track's steps, from 0.", "int32", 0)
    step: str = column("declick, dehum, dehiss, speed or timbre.", "string", "")
    settings: str | None = column("What decides what it does, with versions.", "string")
    options: str | None = column("The values of its options, as JSON.", "string")
    versions: str | None = column(
        "Of the programs that did it, as JSON by their packages' names.", "string"
    )
    summary: str | None = column("What it found in the recording, in a sentence.", "string")
    findings: str | None = column(
        "The same as JSON; lists of more than 1000 entries are left out.", "string"
    )
    num_changed: int | None = column("Samples that it changed, all channels together.", "int64")
    difference: str | None = column(
        "Path below OUT of what it added, sample for sample; null for speed, whose input follows "
        "from the master and the differences before it.",
        "string",
    )
    difference_hash: str | None = column("sha256 of the difference's bytes.", "string")
    peak_dbfs: float | None = column(
        "Sample peak of the difference, dBFS; null if nothing was changed.", "float64"
    )
    reverted: str | None = column(
        "Where it was taken back (--revert), as a JSON list of first sample and the one after the "
        "last; null: nowhere.",
        "string",
    )
    seconds: float = column("Time spent on it, s.", "float64", 0.0)
    done_ns: int | None = column(
        "When it was done, ns since 1970 (UTC); however often its row is written.", "int64"
    )
    finished_ns: int = column("When the row was written, ns since 1970 (UTC).", "int64", 0)
    schema_version: int = column("Version of this schema.", "int32", SCHEMA_VERSION)
