"""The stages of a track. Each takes one `Clip` and returns the clips that follow from it.

What a stage makes lies in the workspace under a name that says all that it depends on, and what is
there is not made again: resuming, the stem cache, retries and re-runs are this one rule. Sections
of a track may be worked on anywhere, in any order and twice; one that finds them all finished
passes the whole track on.
"""

from morphsep.stages.amounts import curve_of
from morphsep.stages.assemble import assemble, assemble_parts
from morphsep.stages.assembly import Assembled, Block, mix_blocks
from morphsep.stages.cached import exactly, keep, recall
from morphsep.stages.clip import Clip, Event, OnProgress, Outcome, StageName
from morphsep.stages.cpu import kind_of_cpu
from morphsep.stages.estimate import measured_estimate
from morphsep.stages.finishing import finish
from morphsep.stages.measure import measure
from morphsep.stages.morph import morph
from morphsep.stages.morphed import Morphed, morphed
from morphsep.stages.output import output_of
from morphsep.stages.prepare import begin, discard_once, prepare, to_separate
from morphsep.stages.readable import Readable, stem_file
from morphsep.stages.run_context import RunContext, ignore_progress
from morphsep.stages.scanning import Scan, open_mix, scan
from morphsep.stages.section_store import SectionStore
from morphsep.stages.separate import separate
from morphsep.stages.stems import stem_facts
from morphsep.stages.track_row import of_output
from morphsep.stages.track_row import versions as row_versions
from morphsep.stages.track_state import open_input, own_stem_of, stem_of
from morphsep.stages.trust import as_read, by_stamps
from morphsep.stages.workspace import Workspace, last_work

__all__ = [
    "Assembled",
    "Block",
    "Clip",
    "Event",
    "Morphed",
    "OnProgress",
    "Outcome",
    "Readable",
    "RunContext",
    "Scan",
    "SectionStore",
    "StageName",
    "Workspace",
    "as_read",
    "assemble",
    "assemble_parts",
    "begin",
    "by_stamps",
    "curve_of",
    "discard_once",
    "exactly",
    "finish",
    "ignore_progress",
    "keep",
    "kind_of_cpu",
    "last_work",
    "measure",
    "measured_estimate",
    "mix_blocks",
    "morph",
    "morphed",
    "of_output",
    "open_input",
    "open_mix",
    "output_of",
    "own_stem_of",
    "prepare",
    "recall",
    "row_versions",
    "scan",
    "separate",
    "stem_facts",
    "stem_file",
    "stem_of",
    "to_separate",
]
