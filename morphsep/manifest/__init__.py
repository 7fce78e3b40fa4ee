"""The manifest: Parquet tables that say what was done, one row a track, one row a chunk."""

from morphsep.manifest.files import File, files_column, files_of
from morphsep.manifest.part_rows import ChunkRow, StepRow
from morphsep.manifest.parts import write_part
from morphsep.manifest.rows import RESUMED, SCHEMA_VERSION, TrackRow
from morphsep.manifest.schemas import schema
from morphsep.manifest.tables import (
    chunks_by_track,
    commit,
    compact,
    count_by_status,
    count_lacking_tags,
    read_chunks,
    read_known,
    read_tracks,
    restamp,
    rows_of,
    rows_with_chunks,
    steps_by_track,
    table_folder,
)

__all__ = [
    "RESUMED",
    "SCHEMA_VERSION",
    "ChunkRow",
    "File",
    "StepRow",
    "TrackRow",
    "chunks_by_track",
    "commit",
    "compact",
    "count_by_status",
    "count_lacking_tags",
    "files_column",
    "files_of",
    "read_chunks",
    "read_known",
    "read_tracks",
    "restamp",
    "rows_of",
    "rows_with_chunks",
    "schema",
    "steps_by_track",
    "table_folder",
    "write_part",
]
