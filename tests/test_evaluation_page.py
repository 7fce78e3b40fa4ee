"""Reports: what a browser gets is one file, shows hostile names as they are, and can be played."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterable
from importlib import import_module

import numpy as np
import pytest
import soundfile
from markdown_it import MarkdownIt

from morphsep.dsp import MODEL_RATE
from morphsep.evaluation.document import (
    Block,
    Bullets,
    Chart,
    Charts,
    Heading,
    Paragraph,
    Players,
    Table,
    as_markdown,
)
from morphsep.evaluation.page import as_page, clips, fitting
from morphsep.evaluation.results import Results, Score, report
from morphsep.evaluation.tasks import FIVE_TRANSITIONS
from morphsep.evaluation.texts import Code, markdown
from morphsep.page import png
from morphsep.testing import plucked
from tests.seen_page import HOSTILE, Seen, decoded

MARKS = (
    "**b** __c__ _d_ e_f", "~~x~~ ``y` z", "# h #", "- [ ] t", "1. x", "12) x", "+ x", "-", "* * *",
    "> q", "---", "```", "a\\*b\\", "![i](x)", "[r]: x", "&amp; &copy;", "<https://x.org>", "$x$",
    "a | b", "a  \n    b", "-0.5", "1.5 (x)", "https://x.org, www.x.org",
)  # fmt: skip


def blocks(name: str) -> list[Block]:
    sounds = {
        name: plucked(MODEL_RATE // 2)[None],
        f"{name} 2": 3 * plucked(MODEL_RATE // 2, 1)[None],
    }
    chart = Chart(
        title=name, x_label=name, y_label="dB", xs=(0.25, 0.5), lines=[(name, (1.0, 2.0))]
    )
    return [
        Heading(name), Paragraph(name), Bullets([name]), Table([name, "b"], [[name, name]]),
        Paragraph((f"{name} by ", Code(name), f" {name}")),
        Charts([chart]), Players(title=name, text=name, clips=clips(sounds)),
    ]  # fmt: skip


@pytest.mark.parametrize("name", [*HOSTILE, *MARKS])
def test_names_are_shown_and_do_nothing(name: str) -> None:
    plain = Seen(as_page("title", blocks("plain")))
    page = Seen(as_page(name, blocks(name)))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
    assert {a for _, attributes in page.elements for a in attributes} == {
        a for _, attributes in plain.elements for a in attributes
    }
    shown = "".join(page.texts)
    assert shown.count(name) >= 13
    assert not page._open


def test_nothing_comes_from_elsewhere() -> None:
    text = as_page("title", blocks("name"))
    page = Seen(text)
    for tag, attributes in page.elements:
        assert not attributes.keys() & {"href", "srcset", "style", "action"}
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:").startswith("data:"), tag
    assert not re.search(r"https?://|url\(|@import|import\(", text)
    (policy,) = (m["content"] for m in page.of("meta") if m.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(page.raw[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_sound_plays_and_every_picture_shows() -> None:
    page = Seen(as_page("title", blocks("name")))
    first, second = (
        soundfile.read(io.BytesIO(decoded(a["src"], "audio/flac")))[0] for a in page.of("audio")
    )
    wanted = 3 * plucked(MODEL_RATE // 2, 1)  # passes full scale: both are softer by one gain
    gain = 1 / np.abs(wanted).max()
    np.testing.assert_allclose(second, wanted * gain, atol=2e-4)
    np.testing.assert_allclose(first, plucked(MODEL_RATE // 2) * gain, atol=2e-4)
    assert all(audio["aria-label"] for audio in page.of("audio"))
    assert "controls" in page.of("audio")[0]
    for image in page.of("img"):
        assert image["alt"]
        assert decoded(image["src"], "image/png").startswith(b"\x89PNG")


@pytest.mark.parametrize(("most", "count"), [(0, 0), (1.5, 1), (2, 2), (9, 3)])
def test_a_page_takes_the_first_groups_that_fit(
    monkeypatch: pytest.MonkeyPatch, most: float, count: int
) -> None:
    sounds = clips({"one": plucked(MODEL_RATE // 2)[None]})
    groups = [Players(title=str(index), text="", clips=sounds) for index in range(3)]
    size = len(sounds[0].sound) + len(sounds[0].picture)
    module = import_module("morphsep.evaluation.page.clips")
    monkeypatch.setattr(module, "MOST_BYTES", round(most * size))
    assert list(fitting(groups)) == groups[:count]


def many(count: int) -> Results:
    """Of an evaluation of so many devices, recordings and failures."""
    scores = [
        Score(
            item=f"i{index}", transition=f"t{index:04}", source=f"s{index:04}", backend=backend,
            amounts=(0.0, 0.5, 1.0), distances=(0.0, 2.0 + (backend == "vocoder"), 0.0),
            nearest=(0.0, 1.0 + (backend == "vocoder"), 0.0), positions=(0.0, 0.5, 1.0),
            values={"truth_same_amount": 2.0, "lean_to_louder": 0.1},
        )
        for index in range(count) for backend in ("chain", "crossfade", "vocoder")
    ]  # fmt: skip
    failed = [
        Score(item=f"f{index}", transition="t0000", source="s0000", backend="chain", error="why")
        for index in range(count)
    ]
    gone = {f"r{index}": "why" for index in range(count)}
    return Results(
        task=FIVE_TRANSITIONS, scores=[*scores, *failed], amounts=(0.0, 0.5, 1.0),
        not_measured=gone, left_out=gone, unreadable=gone,
    )  # fmt: skip


def test_a_report_does_not_grow_with_what_was_measured() -> None:
    few, large = (list(report(many(count))) for count in (60, 300))
    assert len(few) == len(large)
    for one, other in zip(few, large, strict=True):
        if isinstance(one, Table | Bullets):
            own, others = (
                (one.rows, other.rows) if isinstance(one, Table) else (one.items, other.items)
            )
            assert len(own) == len(others) <= 50
        if isinstance(one, Charts):
            assert len(one.charts) == 12
            assert one.note == "48 more transitions are in scores.parquet."
    written, larger = ("\n".join(as_markdown("t", blocks)) for blocks in (few, large))
    assert len(larger) < 1.05 * len(written)
    for more in (
        "250 more are in scores.parquet.", "251 more are in summary.parquet.",
        "250 more are in what the command prints.", "s0019 and 280 more", "t0019 at 0.5",
        "and 280 more",
    ):  # fmt: skip
        assert more in larger
    assert "more" not in "\n".join(as_markdown("t", report(many(3))))


def test_a_picture_is_its_matrix() -> None:
    levels = np.array([[0.0, 0.5, 1.0], [2.0, -1.0, 0.25]])
    rest, parts = png(levels)[8:], {}
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length]) == (zlib.crc32(kind + data),)
        parts[kind], rest = data, rest[12 + length :]
    assert struct.unpack(">IIBBBBB", parts[b"IHDR"]) == (3, 2, 8, 3, 0, 0, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(2, 4)
    assert rows.tolist() == [[0, 0, 128, 255], [0, 255, 0, 64]]
    palette = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(256, 3).astype(float)
    lightness = palette @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(lightness) >= 0).all()
    assert lightness[-1] - lightness[0] > 200


def test_lines_and_their_names_lie_within_the_chart() -> None:
    lines = [("one", (0.0, 1.0)), ("two", (0.0, 1.0)), ("three", (0.0, 4.0))]
    chart = Chart(title="t", x_label="x", y_label="y", xs=(0.25, 0.75), lines=lines)
    page = Seen(as_page("title", [Charts([chart])]))
    width, height = map(float, str(page.of("svg")[0]["viewbox"]).split()[2:])
    points = [
        [tuple(map(float, point.split(","))) for point in str(line["points"]).split()]
        for line in page.of("polyline")
    ]
    assert points[0] == points[1]
    (x0, y0), (x1, y1) = points[2]
    assert 0 < x0 < x1 < width
    assert 0 < y1 < points[0][1][1] < y0 < height
    named = [float(str(t["y"])) for t in page.of("text") if str(t["class"]).startswith("line-")]
    assert min(abs(a - b) for i, a in enumerate(named) for b in named[:i]) >= 10


def structure(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """What GitHub's Markdown makes of lines: the kinds of its elements, and the text in each."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    kinds, texts = list[str](), list[str]()
    for token in parser.parse("\n".join(lines)):
        kinds.append(f"{token.type} {token.tag}")
        if token.children is not None:
            kinds.extend(child.type for child in token.children)
            texts.append("".join(child.content for child in token.children))
    return kinds, texts


@pytest.mark.parametrize("name", [*HOSTILE, *MARKS])
def test_names_in_markdown_are_shown_and_do_nothing(name: str) -> None:
    lines = list(as_markdown(name, blocks(name)))
    kinds, texts = structure(lines)
    assert kinds == structure(as_markdown("plain", blocks("plain")))[0]
    line = " ".join(name.split())
    by = f"{line} by {line} {line}"
    assert texts == [line, line, line, line, line, "b", line, line, by]
    # nor is an address a link where all of them are
    assert not re.search(r"://|www\.", "\n".join(each for each in lines if "`" not in each))


def test_figures_and_names_of_files_are_read_in_markdown_as_they_are() -> None:
    for text in ("-0.5", "0.28 (-0.1 to 0.4)", "as-recorded", "knob_2.wav", "not_finished", "0.05"):
        assert markdown(text) == text
