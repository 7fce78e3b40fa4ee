"""What morphsep's commands do with every track, stage by stage: data, to be read in one glance."""

from morphsep.pipelines.generate import generate
from morphsep.pipelines.reprocess import REPROCESS
from morphsep.pipelines.restore import RESTORE
from morphsep.pipelines.separate import SEPARATE

__all__ = ["REPROCESS", "RESTORE", "SEPARATE", "generate"]
