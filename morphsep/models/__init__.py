"""Model weights and devices: found, fetched once, checked, run in batches that fit."""

from morphsep.models.bags import Bag
from morphsep.models.checksums import identity, sha256_of
from morphsep.models.devices import (
    MAX_LANES,
    BatchRunner,
    device,
    full_precision,
    is_out_of_memory,
    lane_threads,
)
from morphsep.models.download import is_offline
from morphsep.models.from_bucket import local_copy
from morphsep.models.hub import hub_answers
from morphsep.models.licences import licence_of_demucs
from morphsep.models.pickled import first_line, read_pickle
from morphsep.models.places import existing, weights_dir
from morphsep.models.roformer_files import locate_roformer, resolve_roformer, roformers_here
from morphsep.models.roformers import DEMUCS_SDR, ROFORMERS, RoFormerInfo, licence_of_roformer
from morphsep.models.weights import (
    CDPAM,
    DEFAULT_MODEL,
    MUSIC2LATENT,
    ModelInfo,
    available,
    fetch,
    list_models,
    locate,
    path,
    reachable,
    resolve,
    verify,
)

__all__ = [
    "CDPAM",
    "DEFAULT_MODEL",
    "DEMUCS_SDR",
    "MAX_LANES",
    "MUSIC2LATENT",
    "ROFORMERS",
    "Bag",
    "BatchRunner",
    "ModelInfo",
    "RoFormerInfo",
    "available",
    "device",
    "existing",
    "fetch",
    "first_line",
    "full_precision",
    "hub_answers",
    "identity",
    "is_offline",
    "is_out_of_memory",
    "lane_threads",
    "licence_of_demucs",
    "licence_of_roformer",
    "list_models",
    "local_copy",
    "locate",
    "locate_roformer",
    "path",
    "reachable",
    "read_pickle",
    "resolve",
    "resolve_roformer",
    "roformers_here",
    "sha256_of",
    "verify",
    "weights_dir",
]
