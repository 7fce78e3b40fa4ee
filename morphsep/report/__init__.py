"""The report of a restoration: one page a file, and one that sums up a batch. No network.

write_page(place, Restored(...))   what was done to one recording: heard, seen, measured, checked
write_index(place, rows)           one row a recording
"""

from morphsep.report.content import Check, FileEntry, Measure, Place, Restored, StepDone
from morphsep.report.index import IndexRow, write_index
from morphsep.report.page import page_name, write_page

__all__ = [
    "Check",
    "FileEntry",
    "IndexRow",
    "Measure",
    "Place",
    "Restored",
    "StepDone",
    "page_name",
    "write_index",
    "write_page",
]
