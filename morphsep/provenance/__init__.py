"""Provenance of a result, as archives keep it: a PREMIS 3 record beside it, and a BagIt bag.

    sidecar(events)      -> the record: files, what was done to them, and by which programs
    write_sidecar        -> NAME.provenance.json, the same bytes for the same events
    write_bag            -> a folder that `bagit.py --validate` accepts, complete or not there

What a file says of itself (coding history, XMP) is `morphsep.audio`'s.
"""

from morphsep.provenance.bag import write_bag
from morphsep.provenance.record import Event, EventType, File, Outcome, Tool
from morphsep.provenance.sidecar import schema, sidecar, sidecar_name, write_sidecar
from morphsep.provenance.source_types import source_type

__all__ = [
    "Event",
    "EventType",
    "File",
    "Outcome",
    "Tool",
    "schema",
    "sidecar",
    "sidecar_name",
    "source_type",
    "write_bag",
    "write_sidecar",
]
