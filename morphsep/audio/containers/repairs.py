"""Corrections to files that libsndfile has written."""

from __future__ import annotations

from typing import BinaryIO

from morphsep.audio.containers import chunks

EXTENSIBLE = b"\xfe\xff"
"""Its tag, and offsets of fields in the description of an extensible WAV's samples."""
CHANNELS = 2
MASK = 20


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


def keep_channel_mask(file: BinaryIO, source: BinaryIO) -> None:
    """Write the speaker positions that a WAV (WAVE_FORMAT_EXTENSIBLE) states as the source has
    them: libsndfile states left and right whatever they were."""
    here, there = _extensible(file), _extensible(source)
    if here is None or there is None:
        return
    source.seek(there + CHANNELS)
    channels = source.read(2)
    source.seek(there + MASK)
    mask = source.read(4)
    file.seek(here + CHANNELS)
    if file.read(2) == channels:
        file.seek(here + MASK)
        file.write(mask)


def _extensible(file: BinaryIO) -> int | None:
    """Offset of the description of an extensible WAV's samples."""
    layout = _layout(file)
    if layout is not chunks.RIFF:
        return None
    for chunk in chunks.walk(file, layout):
        if chunk.id == b"fmt ":
            file.seek(chunk.start)
            return chunk.start if file.read(2) == EXTENSIBLE and chunk.size >= 40 else None
    return None


def _layout(file: BinaryIO) -> chunks.Layout | None:
    file.seek(0)
    return chunks.layout_of(file.read(16))
