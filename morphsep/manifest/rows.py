"""The rows of the tracks: their columns, what each says, its unit and its Arrow type."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Union

from morphsep.storage import Location

SCHEMA_VERSION = 4
"""Version of both schemas; raised when a column is added, renamed or changes its meaning."""


Out = Union[Location, str, "os.PathLike[str]"]
"""An output folder."""


def column(doc: str, type_: str, default: Any = None) -> Any:
    """A column: what it says (with its unit), its Arrow type, and what it is where unknown."""
    return field(default=default, metadata={"doc": doc, "type": type_})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRow:
    """One input file, whatever became of it."""

    track: str = column(
        "Identity: the output's path below OUT (made unique for duplicates).", "string", ""
    )
    status: str = column("ok, skipped or failed.", "string", "failed")
    error_code: str | None = column("Why it is not ok: one of the error codes.", "string")
    message: str | None = column("The same as a sentence that says what to do.", "string")
    input: str = column("Path of the input as it was found.", "string", "")
    output: str | None = column("Path of the output below OUT; only if status is ok.", "string")
    backing: str | None = column(
        "Path of the backing below OUT, where only stems were asked for.", "string"
    )
    backing_hash: str | None = column("sha256 of the backing's bytes.", "string")
    output_hash: str | None = column("sha256 of the output's bytes.", "string")
    content_hash: str | None = column("sha256 of the input's bytes.", "string")
    own_stem_hash: str | None = column("sha256 of the user's own stem (--stem).", "string")
    input_stamp: str | None = column(
        "How input (and which version of reading it) looked when its content was read: size and "
        "times, in an object store size and tag. A re-run that finds the stamps of a row unchanged "
        "trusts its hashes; null: it reads the files again.",
        "string",
    )
    own_stem_stamp: str | None = column("The same of the user's own stem.", "string")
    output_stamp: str | None = column("The same of the output.", "string")
    backing_stamp: str | None = column("The same of the backing.", "string")
    key: str | None = column(
        "Digest of all that the output depends on; equal key, equal samples.", "string"
    )
    stem_key: str | None = column(
        "Digest of all that the stem depends on; names it in the cache.", "string"
    )
    format: str | None = column("Container of the input, in libsndfile's words.", "string")
    subtype: str | None = column("Sample format of the input, in libsndfile's words.", "string")
    output_format: str | None = column("Container of the output.", "string")
    output_subtype: str | None = column("Sample format of the output.", "string")
    input_note: str | None = column(
        "What is to be known of how the input was read: the first of several sound tracks, parts "
        "that were joined, the sound of a film; of restore, two channels that hold one sound.",
        "string",
    )
    sample_rate: int | None = column("Of input and output, Hz.", "int32")
    num_channels: int | None = column("Channels of the output.", "int32")
    num_samples: int | None = column("Length of input and output, samples per channel.", "int64")
    tail_samples: int | None = column(
        "How much longer the output is (--tail), samples per channel; null: no longer.", "int64"
    )
    duration: float | None = column("The same in seconds.", "float64")
    separator: str | None = column("What made the stem, with its model.", "string")
    separator_reason: str | None = column(
        "Why this separator (asked for, or how auto decided).", "string"
    )
    weights_hash: str | None = column("sha256 of the separator's weights.", "string")
    weights_licence: str | None = column(
        "Whose the separator's weights are and under which licence, as far as that is known.",
        "string",
    )
    from_tone: str | None = column("Tone morphed from.", "string")
    to_tone: str | None = column("Tone morphed towards.", "string")
    amount: str | None = column(
        "Amount curve: a number, or sample=amount points at 44.1 kHz; of one that follows the "
        "playing, what it came to.",
        "string",
    )
    backend: str | None = column("What morphed the chunks.", "string")
    warp: str | None = column(
        "The perceptual map of --uniform as JSON knots; null if not used.", "string"
    )
    from_trim_db: float | None = column(
        "Gain that kept the stem's loudness through the from tone, dB.", "float64"
    )
    to_trim_db: float | None = column(
        "Gain that kept the stem's loudness through the to tone, dB.", "float64"
    )
    song_trim_db: float | None = column(
        "Gain of the morphed guitar that kept the song's loudness, at the largest amount, dB; null "
        "where the stem is no estimate.",
        "float64",
    )
    fits: str | None = column(
        "What fitting the from and the to tone to this stem found, as a JSON list of two (lag, "
        "drift, the effects of a match, ...); null if neither had to be fitted.",
        "string",
    )
    tone_warning: str | None = column(
        "What a recording that is a tone wants known of this track (it is no guitar, or cannot be "
        "imitated).",
        "string",
    )
    backend_warning: str | None = column(
        "What the backend wants known of this track (a smaller batch, a doubtful inversion).",
        "string",
    )
    stem_warning: str | None = column(
        "What is to be known of an estimated stem (a loudness that could not be kept).", "string"
    )
    settings: str | None = column("All settings as JSON.", "string")
    gain_db: float | None = column(
        "The one gain of the whole track against clipping, dB; 0 if none.", "float64"
    )
    peak_before_dbfs: float | None = column("Sample peak of the input, dBFS.", "float64")
    peak_dbfs: float | None = column("Sample peak of the output, dBFS.", "float64")
    true_peak_before_dbtp: float | None = column(
        "True peak of the input (BS.1770-4), dBTP.", "float64"
    )
    true_peak_dbtp: float | None = column("True peak of the output (BS.1770-4), dBTP.", "float64")
    lufs_before: float | None = column(
        "Integrated loudness of the input (BS.1770-4), LUFS.", "float64"
    )
    lufs: float | None = column("Integrated loudness of the output (BS.1770-4), LUFS.", "float64")
    stem_quality: float | None = column(
        "How well an estimated stem was told from the rest of its mix, 0 to 1; null where the stem "
        "is no estimate.",
        "float64",
    )
    stem_lufs: float | None = column("Integrated loudness of the stem, LUFS.", "float64")
    null_residual_dbfs: float | None = column(
        "Peak of mix - (guitar + backing) as both lie in their files, dBFS; null if they add up to "
        "the last bit, and for a morphed track, whose backing is not written (up to version 2: "
        "rounding in memory).",
        "float64",
    )
    num_chunks: int | None = column("Chunks of the track.", "int32")
    num_morphed: int | None = column("Chunks that a backend morphed.", "int32")
    worst_step_db: float | None = column("Largest seam_step_db of its chunks.", "float64")
    worst_flux_db: float | None = column("Largest seam_flux_db of its chunks.", "float64")
    worst_double_slope: float | None = column("Largest double_slope of its chunks.", "float64")
    seconds_scan: float | None = column("Reading, checking and measuring the input, s.", "float64")
    seconds_separate: float | None = column("Separating, s; 0 if the stem was cached.", "float64")
    seconds_morph: float | None = column("Morphing and stitching, s.", "float64")
    seconds_assemble: float | None = column(
        "Mixing, writing and measuring the output, s.", "float64"
    )
    tags_warning: str | None = column(
        "Tags of the input that the output lacks, each with the reason; null if it has all.",
        "string",
    )
    tags_outdated: str | None = column(
        "Tags that were dropped or reset since they describe the input's sound: levels to play at, "
        "fingerprints, checksums, its coder; and, at another speed, times.",
        "string",
    )
    list_columns: str | None = column(
        "What the row of a list says besides settings (ids, notes, ...), as JSON by the columns' "
        "names; null without a list or such columns.",
        "string",
    )
    steps: str | None = column(
        "Steps of restore that made the access copy, in their order, with commas between them "
        "(empty: none); null for other commands. One row each in the table steps.",
        "string",
    )
    master_hash_after: str | None = column(
        "sha256 of the master's bytes, read again when its access copy was written: content_hash.",
        "string",
    )
    surviving_hz: float | None = column("Up to where the master holds sound, Hz.", "float64")
    checks: str | None = column(
        "What must not change, measured between master and access copy, as JSON: name, value, "
        "bound.",
        "string",
    )
    files: str | None = column(
        "Further files of an access copy (differences, sidecar, report) below OUT, as JSON: path, "
        "sha256, stamp.",
        "string",
    )
    retries: int = column(
        "How often something was tried again: storage that did not answer, a worker that was lost.",
        "int32",
        0,
    )
    versions: str | None = column(
        "Versions of morphsep, Python and what made the sound, as JSON; cpu: the kinds of CPU that "
        "did, first the one that wrote the file.",
        "string",
    )
    finished_ns: int = column("When the row was written, ns since 1970 (UTC).", "int64", 0)
    schema_version: int = column("Version of this schema.", "int32", SCHEMA_VERSION)


STAMPED = ("input", "input_stamp", "own_stem_hash", "own_stem_stamp", "output_stamp",
           "backing_stamp", "files")  # fmt: skip
"""Columns that change when a finished track's files are found elsewhere, or touched, but with the
same content."""

RESUMED = (
    "track", "finished_ns", "status", "message", "output", "backing", "output_hash", "backing_hash",
    "content_hash", "key", "num_samples", "tags_warning", *STAMPED,
)  # fmt: skip
"""Columns that a run needs of earlier ones."""
