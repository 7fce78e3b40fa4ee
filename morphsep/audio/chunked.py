"""WAV, RF64, W64, AIFF and CAF files, opened so that their lengths are right."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from morphsep.audio.containers import beginnings, chunks, tail
from morphsep.audio.containers.splice import Spliced
from morphsep.audio.info import another_file, claims_too_little, truncated
from morphsep.audio.opening import stream
from morphsep.errors import TrackError

WAV_REMEDY = (
    "rewrite it (`ffmpeg -ignore_length 1 -i in.wav -c copy out.wav` or "
    "`sox --ignore-length in.wav out.wav`) and listen to its end, or export the file again"
)
PACKET_SIZE = 16
"""Where a CAF's description says how many bytes a packet has."""
SEARCHED = 16_384
"""Samples behind the last that are looked at."""
QUIET, LOUD = 1e-3, 2.0
"""RMS between which they may be sound."""
SMOOTH = 0.7
"""RMS of their steps against theirs, below which they are: 1.4 for noise and for bytes of any other
kind."""
EXTENSIBLE = bytes.fromhex("feff")
SUB_FORMAT = 24
"""Where an extensible format chunk names its coding."""
EXPORT_AGAIN = "export the file again with the program that wrote it"


def chunked(file: BinaryIO, path: str, layout: chunks.Layout) -> BinaryIO | Spliced:
    """The file as libsndfile reads all of it.

    Raises TrackError("truncated") for a header that promises more than there is or leaves sound
    out, and for another file behind it; soundfile.LibsndfileError where libsndfile gives up.
    """
    data = chunks.find_data(file, layout)
    if data is None or data.present == 0 < (data.promised or 0):
        raise _without_sound(file, path, layout)
    _check_tail(file, path, layout, data)
    if layout is chunks.W64:
        file = _plainly_coded(file)
    if data.promised == data.present:
        return _without_tail(file, data) if layout is chunks.W64 else file
    size = file.seek(0, io.SEEK_END)
    sized = Spliced(file, chunks.sized_header(file, layout, data), (data.chunk.start, size))
    if data.promised is not None:
        with stream(sized) as sound:
            promised = data.promised * sound.frames // data.present
            if promised > sound.frames:
                rate = sound.samplerate
                raise truncated(path, promised / rate, sound.frames / rate)
    return sized


def _without_sound(file: BinaryIO, path: str, layout: chunks.Layout) -> TrackError:
    name, astray = Path(path).name, chunks.leads_astray(file, layout)
    if astray is None:
        return TrackError("truncated", f"{name} ends before its sound begins; get a complete copy")
    return TrackError(
        "truncated",
        f"{name}: the length of its chunk {astray.decode('latin-1').strip()} is wrong, so that its "
        "sound is not found; mend that (BWF MetaEdit can) or get another copy",
    )


def _plainly_coded(file: BinaryIO) -> BinaryIO:
    """A W64 whose coding is named at its usual place: libsndfile takes an extensible one for
    integers, whatever it is."""
    form = next((chunk for chunk in chunks.walk(file, chunks.W64) if chunk.id[:4] == b"fmt "), None)
    if form is None or form.size < SUB_FORMAT + 2:
        return file
    file.seek(form.start)
    content = file.read(SUB_FORMAT + 2)
    if content[:2] != EXTENSIBLE:
        return file
    end = file.seek(0, io.SEEK_END)
    coding = content[SUB_FORMAT:]
    return cast("BinaryIO", Spliced(file, (0, form.start), coding, (form.start + 2, end)))


def _check_tail(file: BinaryIO, path: str, layout: chunks.Layout, data: chunks.DataChunk) -> None:
    if data.promised != data.present:
        return
    rest, end = tail.explained_end(file, layout, data), file.seek(0, io.SEEK_END)
    found = beginnings.find_sound(file, rest, min(end, rest + tail.MAX_JUNK))
    if found is not None:
        raise another_file(path, *found)
    is_more = end - rest > tail.MIN_JUNK and _goes_on(file, layout, data)
    is_more = is_more or (layout is chunks.CAF and _cuts_a_packet(file, data))
    if is_more or tail.is_sound_left_out(file, layout, data):
        raise _left_out(file, path, layout, data)


def _cuts_a_packet(file: BinaryIO, data: chunks.DataChunk) -> bool:
    """Whether a CAF, which has no padding, claims a part of a last packet that is there."""
    form = next((chunk for chunk in chunks.walk(file, chunks.CAF) if chunk.id == b"desc"), None)
    if form is None:
        return False
    file.seek(form.start + PACKET_SIZE)
    size = int.from_bytes(file.read(4), "big")  # 0: packets differ
    part = data.present % size if size else 0
    return part > 0 and _after(file, chunks.CAF, data) >= size - part


def _goes_on(file: BinaryIO, layout: chunks.Layout, data: chunks.DataChunk) -> bool:
    """Whether what follows the samples is smooth, as sound is, when it is read as more of them."""
    import soundfile

    try:
        with stream(_with_tail(file, layout, data)) as sound:
            first = sound.frames * data.present // (data.present + _after(file, layout, data))
            sound.seek(first)
            more = sound.read(SEARCHED, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError:
        return False
    level, steps = more.std(axis=0).max(initial=0.0), np.diff(more, axis=0).std(axis=0)
    return bool(QUIET < level < LOUD and steps.max(initial=0.0) < SMOOTH * level)


def _after(file: BinaryIO, layout: chunks.Layout, data: chunks.DataChunk) -> int:
    """Bytes behind the samples."""
    return file.seek(0, io.SEEK_END) - tail.samples_end(layout, data)


def _with_tail(file: BinaryIO, layout: chunks.Layout, data: chunks.DataChunk) -> Spliced:
    """The file as if all that follows the samples were more of them."""
    whole = replace(data, present=data.present + _after(file, layout, data))
    header = chunks.sized_header(file, layout, whole)
    return Spliced(file, header, (data.chunk.start, file.seek(0, io.SEEK_END)))


def _left_out(
    file: BinaryIO, path: str, layout: chunks.Layout, data: chunks.DataChunk
) -> TrackError:
    after = _after(file, layout, data)
    with stream(_with_tail(file, layout, data)) as sound:
        seconds_per_byte = sound.frames / sound.samplerate / (data.present + after)
    remedy = WAV_REMEDY if layout is chunks.RIFF else EXPORT_AGAIN
    return claims_too_little(
        path, data.present * seconds_per_byte, after * seconds_per_byte, remedy
    )


def _without_tail(file: BinaryIO, data: chunks.DataChunk) -> BinaryIO | Spliced:
    """A W64 cut after its samples: libsndfile would take what follows for samples."""
    end = data.chunk.start + data.present
    if end == file.seek(0, io.SEEK_END):
        return file
    return Spliced(file, (0, end))
