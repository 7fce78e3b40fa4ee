"""CDPAM, a learned perceptual distance, as SoundMorpher and the paper read it."""

from morphsep.evaluation.metrics.cdpam.distance import (
    Cdpam,
    Encoding,
    cdpam_digest,
    cdpam_distance,
    cdpam_steps,
    cdpam_to_target,
    load_cdpam,
)

__all__ = [
    "Cdpam",
    "Encoding",
    "cdpam_digest",
    "cdpam_distance",
    "cdpam_steps",
    "cdpam_to_target",
    "load_cdpam",
]
