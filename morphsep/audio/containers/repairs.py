"""Corrections to files that libsndfile has written."""

from __future__ import annotations

from typing import BinaryIO

from morphsep.audio.containers import chunks


def forget_time(file: BinaryIO) -> None:
    """Zero the time in the PEAK chunk of float files: the same sound must give the same bytes."""
    layout = _layout(file)
    if layout is None:
        return
    for chunk in chunks.walk(file, layout):
        if chunk.id == b"PEAK":
            file.seek(chunk.start + 4)
            file.write(bytes(4))
            return


def state_odd_length(file: BinaryIO, num_bytes: int) -> None:
    """Correct the length of a mono 8-bit AIFF, where libsndfile counts the padding byte as a
    sample."""
    layout = _layout(file)
    if layout is not chunks.AIFF or num_bytes % 2 == 0:
        return
    for chunk in list(chunks.walk(file, layout)):
        if chunk.id == b"COMM":
            file.seek(chunk.start + 2)
            file.write(num_bytes.to_bytes(4, "big"))
        elif chunk.id == layout.data_id:
            file.seek(chunk.header + layout.id_bytes)
            file.write((num_bytes + layout.data_preamble).to_bytes(4, "big"))


def _layout(file: BinaryIO) -> chunks.Layout | None:
    file.seek(0)
    return chunks.layout_of(file.read(16))
