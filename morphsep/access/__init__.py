"""Access copies of masters: repaired, morphed, and all that was added beside them.

    access copy = master + difference of each step, sample for sample

examine, repair, complete   the stages of ``morphsep restore`` that no other command has
survey                      what repairs would find
"""

from morphsep.access.complete import complete
from morphsep.access.repair import examine, repair
from morphsep.access.surveying import Looked, Survey, survey

__all__ = ["Looked", "Survey", "complete", "examine", "repair", "survey"]
