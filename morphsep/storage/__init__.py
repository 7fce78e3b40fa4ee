"""Storage by URI: local folders and object stores; a file is there whole, or not at all."""

from morphsep.storage.faults import StorageError, is_transient, retries
from morphsep.storage.files import (
    TEMPORARY,
    digest,
    digest_file,
    is_full,
    make_room,
    only_one,
    stamp,
    temporary_beside,
    whole,
)
from morphsep.storage.interrupt import (
    check_interrupt,
    ended_by_sigterm,
    interrupts_remembered,
    was_interrupted,
)
from morphsep.storage.locations import Location, location
from morphsep.storage.locking import Held, lock
from morphsep.storage.many import full_stamps, remove_all
from morphsep.storage.mirror import mirrored
from morphsep.storage.packed import packed_name
from morphsep.storage.paths import (
    Identities,
    absolute,
    beside,
    common,
    folder_of,
    identity,
    is_remote,
    relative,
)
from morphsep.storage.scratch import (
    leave_folder,
    private_folder,
    shared_folder,
    sweep_folders,
)
from morphsep.storage.seekable import Seekable
from morphsep.storage.turns import turn

__all__ = [
    "TEMPORARY",
    "Held",
    "Identities",
    "Location",
    "Seekable",
    "StorageError",
    "absolute",
    "beside",
    "check_interrupt",
    "common",
    "digest",
    "digest_file",
    "ended_by_sigterm",
    "folder_of",
    "full_stamps",
    "identity",
    "interrupts_remembered",
    "is_full",
    "is_remote",
    "is_transient",
    "leave_folder",
    "location",
    "lock",
    "make_room",
    "mirrored",
    "only_one",
    "packed_name",
    "private_folder",
    "relative",
    "remove_all",
    "retries",
    "shared_folder",
    "stamp",
    "sweep_folders",
    "temporary_beside",
    "turn",
    "was_interrupted",
    "whole",
]
