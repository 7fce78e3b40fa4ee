"""Refuse what lies between and behind the parts of a file, and what is missing there."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from morphsep.audio.containers import beginnings, frames, mpeg, ogg, tail
from morphsep.audio.info import another_file, another_kind, parts_note, tracks_note
from morphsep.errors import TrackError


def check_gaps(file: BinaryIO, path: str, spans: Sequence[tuple[int, int]]) -> None:
    """Raise TrackError("truncated") for another file between or behind spans."""
    begins = [*(start for start, _ in spans[1:]), file.seek(0, io.SEEK_END)]
    for (_, end), begin in zip(spans, begins, strict=True):
        found = beginnings.sound_behind(file, end, begin)
        if found is not None:
            raise another_file(path, *found)


def unexplained(file: BinaryIO, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """(first byte, one after the last) of what between spans of frames is no tag."""
    found = []
    for (_, start), (end, _) in pairwise(spans):
        file.seek(start)
        while length := frames.tag_bytes(file.read(tail.TAG_HEAD)):
            start = min(end, start + length)
            file.seek(start)
        if start < end:
            found.append((start, end))
    return found


def check_frames(
    file: BinaryIO, path: str, walked: frames.Walk[Any] | mpeg.MpegScan, seconds: float
) -> None:
    """Raise TrackError("truncated") where between frames there is room for more of them.

    Args:
        seconds: of one frame.
    """
    mean = sum(end - start for start, end in walked.spans) / max(1, walked.num_frames)
    for start, end in unexplained(file, walked.spans):
        if end - start >= mean:
            raise cut_off(
                path,
                f"bytes {start} to {end} are neither frames nor tags, where up to "
                f"{(end - start) / mean * seconds:.2f} s would be",
            )


def frames_note(file: BinaryIO, spans: Sequence[tuple[int, int]], cut_frame: int | None) -> str:
    """What is to be known of how frames are read that lie in spans."""
    notes = [parts_note(len(spans))]
    others = unexplained(file, spans)
    if others:
        size = sum(end - start for start, end in others)
        notes.append(f"{size} bytes from byte {others[0][0]} on are neither frames nor tags")
    if cut_frame is not None:
        notes.append(f"the file ends within a frame, at byte {cut_frame}")
    return "; ".join(filter(None, notes))


def check_ogg(file: BinaryIO, path: str, chain: ogg.Chain) -> None:
    """Raise TrackError("truncated") for a cut file, missing pages, links of two kinds,
    and another file behind them."""
    if chain.cut_off is not None:
        raise cut_off(path, f"the page at byte {chain.cut_off} is cut off")
    sounding = [link for link in chain.links if link.coding is not None]
    for link in sounding[1:]:
        if link.coding != sounding[0].coding:
            raise another_kind(path, link.start, str(sounding[0].coding), str(link.coding))
    for link in sounding:
        if link.coding and link.sound and link.sound.gap:
            offset, samples = link.sound.gap
            seconds = samples / link.coding.sample_rate
            raise cut_off(path, f"pages are missing before byte {offset} (at {seconds:.2f} s)")
    check_gaps(file, path, [(0, chain.end)])


def ogg_note(chain: ogg.Chain) -> str:
    """What is to be known of how a chain is read."""
    sounds = max((link.num_sounds for link in chain.links), default=0)
    return "; ".join(filter(None, (parts_note(len(chain.links)), tracks_note(sounds))))


def cut_off(path: str, what: str = "the last page is cut off") -> TrackError:
    return TrackError(
        "truncated",
        f"{Path(path).name}: {what}, so sound is missing; get a complete copy of the file",
    )
