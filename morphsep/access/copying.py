"""Writing an access copy with all that lies beside it: differences, record, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from morphsep import audio, stages, storage
from morphsep.access.channels import note_of_channels
from morphsep.access.checking import check
from morphsep.access.parts import AccessCopy
from morphsep.access.recording import origin_of, write_record
from morphsep.access.reporting import write_report
from morphsep.access.together import New, together
from morphsep.access.writing import write_access
from morphsep.errors import TrackError
from morphsep.manifest import File, files_column
from morphsep.stages import Assembled


def write_copy(copy: AccessCopy, reach: Callable[[int], None]) -> dict[str, Any]:
    """Writes an access copy, checks it, and publishes it with its differences; nothing is
    published if a check fails. Returns the columns about it.

    Args:
        reach: told up to which sample of the access copy it is written.

    Raises:
        TrackError: it cannot be written, breaks a bound, or its master has changed.
    """
    with together(copy.out) as new:
        path = new(copy.track)
        with copy.sound() as sound:
            made = write_access(
                path, sound, copy.form, copy.master.local, copy.history, origin_of(copy), reach
            )
            longer = sound.info.num_samples - copy.scan.num_samples
            note = "; ".join(filter(None, [copy.scan.note, note_of_channels(sound)]))
        if longer:
            made = _at_another_speed(made, copy.master.local)
        checked = check(copy, path)
        checked.refuse()
        after = _unchanged(copy)
        digest = storage.digest_file(path)
        files = [*_differences(copy, new), write_record(copy, path, digest, new)]
        shown = [File(path=copy.track, sha256=digest), *files]
        files.append(write_report(copy, made, checked, shown, note, new))
    files = [replace(file, stamp=(copy.out / file.path).full_stamp()) for file in files]
    return stages.of_output(copy.track, digest, copy.form, made) | {
        "output_stamp": (copy.out / copy.track).full_stamp(), "tail_samples": longer or None,
        "steps": ",".join(part.done.step for part in copy.parts), "master_hash_after": after,
        "surviving_hz": checked.band.high_hz, "checks": json.dumps(checked.to_json()),
        "files": files_column(files), "input_note": note or None,
    }  # fmt: skip


def _at_another_speed(made: Assembled, master: str) -> Assembled:
    """Says which of the tags have the master's times."""
    tags = replace(made.tags, outdated=(*made.tags.outdated, *audio.timed_tags(master)))
    return replace(made, tags=tags)


def _unchanged(copy: AccessCopy) -> str:
    """The digest of the master's bytes, read again.

    Raises:
        TrackError: it is not what it was.
    """
    after = storage.digest_file(copy.master.local)
    if after != copy.scan.content_hash or copy.master.has_changed:
        raise TrackError(
            "changed_while_read",
            "the master is not what it was when it was read first; nothing was written: find out "
            "what changed it, and run again when it is at rest",
        )
    return after


def _differences(copy: AccessCopy, new: New) -> Iterator[File]:
    """Copies the differences to where they are to stay."""
    for part in copy.parts:
        name, written, made = copy.difference_name(part), part.done.written, part.layer.difference
        if name is None or written is None or made is None:
            continue
        if copy.out / name != made:
            with made.reading() as source:
                shutil.copyfile(source, new(name))
        yield File(path=name, sha256=written.sha256)
