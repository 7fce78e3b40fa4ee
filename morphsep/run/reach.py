"""Whether a worker reaches what the driver reaches: tried once, before there is work."""

from __future__ import annotations

import socket

from morphsep.errors import RefusedError, SettingError
from morphsep.stages import Workspace
from morphsep.storage import StorageError


def try_storage(out: str, work: str) -> None:
    """Reads in the output folder what the driver has written there, and writes a note into the work
    directory.

    Raises:
        SettingError, RefusedError, StorageError: this machine does not see the same storage, or may
            not use it; the message says which machine.
    """
    workspace = Workspace(out, work)
    here = f"a worker on {socket.gethostname()}"
    note = workspace.attempt_notes(here) / "reached"
    try:
        said = workspace.progress.read_json()
        note.write_bytes(b"")
        note.remove()
    except RefusedError as error:
        raise RefusedError(f"{here} has other rights than this machine: {error}") from error
    except StorageError as error:
        raise StorageError(f"{here} does not reach the storage: {error}") from error
    except OSError as error:
        raise SettingError(f"{here} cannot write to {note.parent}: {error.strerror}") from error
    if said is None:
        raise SettingError(
            f"{here} does not see {workspace.out} as this machine does; every machine has to see "
            "the output folder, the work directory and the inputs under the same names"
        )
