"""WAV, RF64, W64, AIFF and CAF files, opened so that their lengths are right."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from morphsep.audio.containers import beginnings, chunks, tail
from morphsep.audio.containers.splice import Spliced
from morphsep.audio.info import another_file, claims_too_little, truncated
from morphsep.audio.opening import stream
from morphsep.errors import TrackError

WAV_REMEDY = (
    "rewrite it (`ffmpeg -ignore_length 1 -i in.wav -c copy out.wav` or "
    "`sox --ignore-length in.wav out.wav`) and listen to its end, or export the file again"
)
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
        raise TrackError(
            "truncated", f"{Path(path).name} ends before its sound begins; get a complete copy"
        )
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
    if tail.is_sound_left_out(file, layout, data):
        raise _left_out(file, path, layout, data)


def _left_out(
    file: BinaryIO, path: str, layout: chunks.Layout, data: chunks.DataChunk
) -> TrackError:
    end = file.seek(0, io.SEEK_END)
    after = end - tail.samples_end(layout, data)
    whole = replace(data, present=data.present + after)
    header = chunks.sized_header(file, layout, whole)
    with stream(Spliced(file, header, (data.chunk.start, end))) as sound:
        seconds_per_byte = sound.frames / sound.samplerate / whole.present
    remedy = WAV_REMEDY if layout is chunks.RIFF else EXPORT_AGAIN
    return claims_too_little(
        path, data.present * seconds_per_byte, after * seconds_per_byte, remedy
    )


def _without_tail(file: BinaryIO, data: chunks.DataChunk) -> BinaryIO | Spliced:
    """A W64 cut after its samples: libsndfile would take what follows for samples."""
    end = data.chunk.start + data.present
    if end + chunks.W64.align > file.seek(0, io.SEEK_END):
        return file
    return Spliced(file, (0, end))
