"""Ogg files whose pages are laid out as the rules forbid, as old encoders wrote them: read whole,
or refused."""

import io
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.ogg import OggPage

from morphsep.audio import AudioReader, count_samples, decode_to
from morphsep.errors import TrackError
from tests.songs import guitar

RATE = 44_100
NUM_SAMPLES = 3 * RATE + 77
Pages = list[OggPage]
HEADERS = {"VORBIS": 3, "OPUS": 2}


def pages_of(subtype: str) -> Pages:
    """A file of many small pages, ended by one of 77 samples or so."""
    buffer = io.BytesIO()
    rate = 48_000 if subtype == "OPUS" else RATE
    sound = guitar(NUM_SAMPLES / RATE, RATE)
    soundfile.write(buffer, sound.T, rate, format="OGG", subtype=subtype)
    data = io.BytesIO(buffer.getvalue())
    pages = []
    while data.tell() < len(buffer.getvalue()):
        pages.append(OggPage(data))
    return renumbered(pages)


def renumbered(pages: Pages) -> Pages:
    for index, page in enumerate(pages):
        page.sequence = index
    return pages


def written(path: Path, pages: Pages) -> str:
    path.write_bytes(b"".join(page.write() for page in pages))
    return str(path)


def decoded(path: str, tmp_path: Path) -> np.ndarray:
    decode_to(path, str(tmp_path / "out.wav"))
    return np.asarray(soundfile.read(tmp_path / "out.wav")[0])


def num_head_pages(pages: Pages, subtype: str) -> int:
    found, index = 0, 0
    while found < HEADERS[subtype]:
        found += len(pages[index].packets) - (not pages[index].complete)
        index += 1
    return index


def joined(pages: Pages) -> OggPage:
    """One page with the packets of several, each of which ends with its page."""
    page = OggPage()
    page.serial, page.position = pages[-1].serial, pages[-1].position
    page.packets = OggPage.to_packets(renumbered(pages)[:], strict=False)
    page.last, page.complete = pages[-1].last, pages[-1].complete
    return page


def sound_behind_headers(pages: Pages, subtype: str) -> Pages:
    """All headers but the first on one page with the first sound."""
    heads = num_head_pages(pages, subtype)
    return [pages[0], joined(pages[1 : heads + 1]), *pages[heads + 1 :]]


def sound_behind_a_part_of_a_header(pages: Pages, subtype: str) -> Pages:
    """The last header begins on one page and ends on the page of the first sound."""
    first, mixed, *rest = sound_behind_headers(pages, subtype)
    cut = HEADERS[subtype] - 2
    header = mixed.packets[cut]
    half = len(header) // 2 // 255 * 255
    before = OggPage()
    before.serial, before.complete = mixed.serial, False
    before.packets = [*mixed.packets[:cut], header[:half]]
    before.position = 0 if cut else -1
    mixed.packets = [header[half:], *mixed.packets[cut + 1 :]]
    mixed.continued = True
    return [first, before, mixed, *rest]


def marked_as_last(pages: Pages, subtype: str) -> Pages:
    for page in (pages[len(pages) // 2], *pages[-3:]):
        page.last = True
    return pages


def both(pages: Pages, subtype: str) -> Pages:
    return marked_as_last(sound_behind_headers(pages, subtype), subtype)


@pytest.mark.parametrize(
    ("change", "subtype"),
    [
        *product((sound_behind_headers, marked_as_last, both), HEADERS),
        (sound_behind_a_part_of_a_header, "VORBIS"),  # Opus' headers are too short to be cut
    ],
)
def test_pages_laid_out_otherwise_hold_the_same_sound(
    tmp_path: Path, change: Callable[[Pages, str], Pages], subtype: str
) -> None:
    whole = decoded(written(tmp_path / "a.ogg", pages_of(subtype)), tmp_path)
    changed = renumbered(change(pages_of(subtype), subtype))
    path = written(tmp_path / "b.ogg", changed)
    assert len(whole) == NUM_SAMPLES
    assert np.array_equal(decoded(path, tmp_path), whole)
    with AudioReader(path) as reader:
        assert count_samples(reader) == reader.info.num_samples == NUM_SAMPLES


@pytest.mark.parametrize("subtype", HEADERS)
@pytest.mark.parametrize("where", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_page_that_is_lost_or_damaged_is_never_passed_over(
    tmp_path: Path, where: float, is_lost: bool, subtype: str
) -> None:
    pages = pages_of(subtype)
    index = round(where * len(pages))
    path = Path(written(tmp_path / "a.ogg", pages))
    start = sum(page.size for page in pages[:index])
    data = bytearray(path.read_bytes())
    if is_lost:
        del data[start : start + pages[index].size]
    else:
        data[start + pages[index].size // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(TrackError) as caught:
        decoded(str(path), tmp_path)
    assert caught.value.code == "truncated"
    if is_lost:
        assert f"pages are missing before byte {start} " in caught.value.message
