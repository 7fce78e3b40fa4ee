"""Tags and chunks: copied from an input to its result, one by one, and compared.

copy_tags      -> CopiedTags: what was left out, and what describes the old sound
coding_line    what was done, for the coding history of a Broadcast Wave file
Origin         what a result says of where it comes from
missing_tags   what a result lacks
timed_tags     what says when something is heard
"""

from morphsep.audio.tags.bext import coding_line
from morphsep.audio.tags.compare import missing_tags
from morphsep.audio.tags.copy import CopiedTags, copy_tags
from morphsep.audio.tags.origin import Origin
from morphsep.audio.tags.timed import timed_tags

__all__ = ["CopiedTags", "Origin", "coding_line", "copy_tags", "missing_tags", "timed_tags"]
