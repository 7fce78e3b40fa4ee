"""What is measured of a sequence: sounds ``[C, T]`` in, numbers out; no settings.

`match_loudness` comes before everything else. A *step* is the distance of two neighbours. Undefined
values (silence, no onsets, nothing moves) are NaN, never a guess.
"""

from morphsep.evaluation.metrics.attacks import attack_sharpness, lost_sharpness, onsets
from morphsep.evaluation.metrics.cdpam import (
    Cdpam,
    Encoding,
    cdpam_digest,
    cdpam_distance,
    cdpam_steps,
    cdpam_to_target,
    load_cdpam,
)
from morphsep.evaluation.metrics.fusion import lean_to_louder, unmixed_part
from morphsep.evaluation.metrics.log_mel import (
    distances_to_truth,
    largest_deviation,
    log_mel_positions,
    log_mel_steps,
    monotonicity,
    nearest,
    same_amount,
)
from morphsep.evaluation.metrics.loudness import LUFS, loudness_wobble, match_loudness
from morphsep.evaluation.metrics.mfcc import correspondence, mfcc
from morphsep.evaluation.metrics.paths import (
    Smoothness,
    directness,
    end_error,
    intermediateness,
    largest_step,
    smoothness,
    unevenness,
)
from morphsep.evaluation.metrics.seams import WorstSeam, worst_seam
from morphsep.evaluation.metrics.spectral_convergence import spectral_convergence
from morphsep.evaluation.metrics.zimtohrli import (
    has_zimtohrli,
    zimtohrli_distance,
    zimtohrli_version,
)

__all__ = [
    "LUFS",
    "Cdpam",
    "Encoding",
    "Smoothness",
    "WorstSeam",
    "attack_sharpness",
    "cdpam_digest",
    "cdpam_distance",
    "cdpam_steps",
    "cdpam_to_target",
    "correspondence",
    "directness",
    "distances_to_truth",
    "end_error",
    "has_zimtohrli",
    "intermediateness",
    "largest_deviation",
    "largest_step",
    "lean_to_louder",
    "load_cdpam",
    "log_mel_positions",
    "log_mel_steps",
    "lost_sharpness",
    "loudness_wobble",
    "match_loudness",
    "mfcc",
    "monotonicity",
    "nearest",
    "onsets",
    "same_amount",
    "smoothness",
    "spectral_convergence",
    "unevenness",
    "unmixed_part",
    "worst_seam",
    "zimtohrli_distance",
    "zimtohrli_version",
]
