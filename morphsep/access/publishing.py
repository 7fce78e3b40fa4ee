"""What lies beside an access copy, put there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

from morphsep.access.differences import difference_name
from morphsep.access.doing import Done
from morphsep.access.layers import Layer
from morphsep.manifest import File
from morphsep.storage import Location


def publish_differences(
    out: Location, track: str, done: Iterable[tuple[Done, Layer]]
) -> list[File]:
    """Copies the differences of a track from the work directory to the output folder."""
    files = []
    for each, layer in done:
        if each.written is None or layer.difference is None:
            continue
        name = difference_name(track, each.step, each.written.name)
        with layer.difference.reading() as made, (out / name).writing() as path:
            shutil.copyfile(made, path)
        files.append(File(path=name, sha256=each.written.sha256, stamp=(out / name).full_stamp()))
    return files
