"""Our own parsers, each as a function of bytes that ends in nothing or lets a fault through."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from jobs.fuzz_parsers.seeds import empty
from jobs.memory import folder_in_memory

Target = Callable[[bytes], bool]
"""Bytes to whether they are accepted."""


def mpeg(data: bytes) -> bool:
    """Frames of MPEG audio, with the tags around them."""
    from morphsep.audio.containers import mpeg

    file = io.BytesIO(data)
    mpeg.id3_end(file)
    found = mpeg.scan(file)
    if found is not None and not found.is_promised:
        mpeg.xing_frame(found)
    return found is not None


def flac(data: bytes) -> bool:
    """Header and frames of FLAC."""
    from morphsep.audio.containers import flac

    file = io.BytesIO(data)
    counted = flac.counted(file, 0)
    if flac.promised(file, 0) is not None and counted is not None:
        flac.header_with(file, 0, counted)
    return counted is not None


def chunks(data: bytes) -> bool:
    """Chunks of RIFF, RF64, W64, AIFF and CAF."""
    from morphsep.audio.containers import chunks, tail

    layout = chunks.layout_of(data[:16])
    file = io.BytesIO(data)
    found = None if layout is None else chunks.find_data(file, layout)
    if layout is not None and found is not None:
        tail.is_sound_left_out(file, layout, found)
        chunks.sized_header(file, layout, found)
    return found is not None


def endings(data: bytes) -> bool:
    """Where containers that ffmpeg reads end, and the names of programmes in one."""
    from morphsep.audio.containers import ends
    from morphsep.audio.tags.programme import programme_names

    file = io.BytesIO(data)
    found = [ends.recording_end(file, kind, 0) for kind in ends.KINDS]
    return bool(programme_names(file)) or any(found)


def headers(data: bytes) -> bool:
    """A file of any kind, as `probe` looks at it."""
    from morphsep.audio import probe
    from morphsep.errors import TrackError

    with folder_in_memory() as folder:
        (folder / "x").write_bytes(data)
        try:
            probe(str(folder / "x"))
        except TrackError:
            return False
    return True


def tags(data: bytes) -> bool:
    """Tags of a file of any kind, carried one by one into a FLAC and a WAV: never all lost."""
    from morphsep.audio.tags import Origin, copy_tags

    origin = Origin(source_type="fuzzed", agent="fuzz", done="fuzz")
    with folder_in_memory() as folder:
        source = folder / "source"
        source.write_bytes(data)
        for name, kind in (("x.flac", "FLAC"), ("x.wav", "WAV")):
            (folder / name).write_bytes(empty(kind))
            copied = copy_tags(str(source), str(folder / name), "A=PCM,T=fuzz", origin)
            assert "all tags" not in dict(copied.left_out), copied.left_out
    return True


def lists(data: bytes) -> bool:
    """A list of work: the first byte says whether it is a CSV or a Parquet file."""
    from morphsep.errors import SettingError
    from morphsep.request import Settings
    from morphsep.request.lists import listed_jobs

    with folder_in_memory() as folder:
        path = folder / ("list.parquet" if data[:1] == b"P" else "list.csv")
        path.write_bytes(data)
        try:
            list(listed_jobs(str(path), Settings(to="fuzz"), "morph"))
        except SettingError:
            return False
    return True


def amounts(data: bytes) -> bool:
    """A curve of amounts: text, or a file of times and amounts."""
    from morphsep.errors import SettingError
    from morphsep.request import parse_amount

    with folder_in_memory() as folder:
        (folder / "a.csv").write_bytes(data)
        texts = (data.decode("utf-8", "surrogateescape"), str(folder / "a.csv"))
        accepted = 0
        for text in texts:
            with suppress(SettingError):
                parse_amount(text)
                accepted += 1
    return accepted > 0


def yaml(data: bytes) -> bool:
    """A tone as a chain of effects."""
    from morphsep.errors import SettingError
    from morphsep.tones.chain.definition import parse_chain

    try:
        parse_chain(data.decode("utf-8", "replace"), Path("tone.yaml"))
    except SettingError:
        return False
    return True


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (mpeg, flac, chunks, endings, headers, tags, lists, amounts, yaml)
}
