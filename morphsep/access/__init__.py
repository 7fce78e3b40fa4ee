"""Access copies of masters: repaired, morphed, and all that was added beside them.

    access copy = master + difference of each step, sample for sample

examine, repair, complete   the stages of ``morphsep restore`` that no other command has
check_header                whether a master may be repaired as asked
survey                      what repairs would find
finished_rows               the rows of those that a folder holds
findings                    what does not hold of a finished one
write_bag                   all of a folder's, as a BagIt bag
write_index                 a page about all of a folder's
take_back                   access copies made anew without a step, or some of it
"""

from morphsep.access.bagging import check_bag, write_bag
from morphsep.access.complete import complete
from morphsep.access.repair import check_header, examine, repair
from morphsep.access.reporting import write_index
from morphsep.access.rows import finished_rows
from morphsep.access.surveying import Looked, Survey, survey
from morphsep.access.taking_back import TakenBack, take_back
from morphsep.access.verifying import findings

__all__ = [
    "Looked",
    "Survey",
    "TakenBack",
    "check_bag",
    "check_header",
    "complete",
    "examine",
    "findings",
    "finished_rows",
    "repair",
    "survey",
    "take_back",
    "write_bag",
    "write_index",
]
