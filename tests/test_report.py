"""Reports of restorations: one file each, true to the sound, and usable in a real browser."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from morphsep.dsp import MODEL_RATE, ArrayInfo, ArrayReader, Signal
from morphsep.report import (
    Check,
    FileEntry,
    IndexRow,
    Measure,
    Place,
    Restored,
    StepDone,
    page_name,
    write_index,
    write_page,
)
from morphsep.storage import location
from morphsep.testing import plucked
from tests.browser import Browser, needs_browser
from tests.seen_page import HOSTILE, Seen, decoded

SECONDS = 14
CLICKS = (100_000, 300_000, 500_000)
SHORT = 2
"""Seconds: for what does not depend on the length; it holds no click."""


def reader(sound: Signal, rate: int = MODEL_RATE) -> ArrayReader:
    return ArrayReader(np.ascontiguousarray(sound, np.float32), rate)


def sounds(channels: int = 1, seconds: int = SECONDS) -> tuple[Signal, Signal, Signal]:
    """A master, and what two steps add to it."""
    guitar = np.tile(0.4 * plucked(MODEL_RATE), (channels, seconds)).astype(np.float32)
    clicks, hum = np.zeros_like(guitar), np.zeros_like(guitar)
    for size, at in enumerate(CLICKS, 2):
        clicks[0, at : at + 20] = 0.2 * size
    hum[:] = 0.001 * np.sin(2 * np.pi * 50 * np.arange(guitar.shape[1]) / MODEL_RATE)
    return guitar + clicks + hum, -clicks, -hum


def restored(
    name: str = "tape.wav", channels: int = 1, seconds: int = SECONDS, **changes: Any
) -> Restored:
    master, clicks, hum = sounds(channels, seconds)
    at = [min(each, master.shape[1] - 999) for each in reversed(CLICKS)]
    places = [Place(start=each, length=20, size_db=-9.5 + each / 1e6) for each in at]
    steps = [
        StepDone(
            name=f"declick{name}", summary=name, settings=name, difference=reader(clicks),
            findings={name: [name] * 30, "depth_db": [float("-inf"), 1.5]}, num_changed=60,
            difference_name=name, peak_dbfs=-4.0, places=places,
        ),
        StepDone(name="dehum", summary="50 Hz", difference=reader(hum)),
    ]  # fmt: skip
    made = Restored(
        name=name, message=name, facts=[(name, name)], before=reader(master),
        after=reader(master + clicks + hum), steps=steps,
        measures=[
            Measure(name=name, unit=name, before=-20.0, after=-21.5),
            Measure(name="hum", unit="dBFS", before=float("-inf"), after=None),
        ],
        checks=[Check(name=name, bound=name, value=name, is_kept=True)],
        files=[FileEntry(role=name, name=name, sha256="ab" * 32)], commands=[(name, name)],
    )  # fmt: skip
    return replace(made, **changes)


def page_of(tmp_path: Path, made: Restored) -> str:
    place = location(tmp_path / page_name("tape.wav"))
    write_page(place, made, home="index.html")
    return place.path.read_text("utf-8")


def index_of(tmp_path: Path, rows: list[IndexRow]) -> str:
    place = location(tmp_path / "index.html")
    write_index(place, rows)
    return place.path.read_text("utf-8")


def row(name: str, **values: Any) -> IndexRow:
    told: dict[str, Any] = {"status": "ok", "steps": [name], "message": name, "broken": [name]}
    return IndexRow(name=name, **told | values)


def heard(page: Seen, label: str) -> list[Signal]:
    """The sounds of this label, ``[C, T]``."""
    found = []
    for audio in page.of("audio"):
        if audio["aria-label"] == label:
            data = decoded(audio["src"], "audio/flac")
            sound, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
            assert rate == MODEL_RATE
            found.append(sound.T)
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_and_do_nothing(tmp_path: Path, name: str) -> None:
    for make in (
        lambda each: page_of(tmp_path, restored(each, seconds=SHORT)),
        lambda each: index_of(tmp_path, [row(each)]),
    ):
        plain, page = Seen(make("plain")), Seen(make(name))
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
        assert [sorted(each) for _, each in page.elements] == [
            sorted(each) for _, each in plain.elements
        ]
        assert "".join(page.texts).count(name) >= 4
        assert not page._open


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    for text in (page_of(tmp_path, restored()), index_of(tmp_path, [row("a.wav")])):
        page = Seen(text)
        for _, attributes in page.elements:
            assert not attributes.keys() & {"srcset", "style", "action"}
            assert not [name for name in attributes if name.startswith("on")]
            assert (attributes.get("src") or "data:").startswith("data:")
            address = urlsplit(attributes.get("href") or "")
            assert (address.scheme, address.netloc) == ("", "")
        (policy,) = (m["content"] for m in page.of("meta") if m.get("http-equiv"))
        assert str(policy).startswith("default-src 'none';")


@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_added_can_be_heard_alone(tmp_path: Path, channels: int) -> None:
    made = restored(channels=channels)
    page = Seen(page_of(tmp_path, made))
    master, clicks, hum = sounds(channels)
    number = len(heard(page, "Before"))
    assert number == 3
    text = re.sub(r"\s+", " ", " ".join(page.texts))
    (louder,) = {int(each) for each in re.findall(r"Only dehum played (\d+) dB louder", text)}
    starts = [each.start for each in import_module("morphsep.report.choosing").excerpts(made)]
    for index in range(number):
        before, after, alone = (
            heard(page, label)[index] for label in ("Before", "After", "Only dehum")
        )
        start, length = starts[index], before.shape[1]
        span = slice(start, start + length)
        gain = 1 / max(1.0, np.abs(master[:, span]).max())
        np.testing.assert_allclose(before, gain * master[:, span], atol=1e-4)
        np.testing.assert_allclose(after, gain * (master + clicks + hum)[:, span], atol=1e-4)
        np.testing.assert_allclose(alone / 10 ** (louder / 20), hum[:, span], atol=6e-5)
        changed = heard(page, "All that was changed")[index]
        scale = np.abs(changed).max() / np.abs((clicks + hum)[:, span]).max()
        np.testing.assert_allclose(changed / scale, (clicks + hum)[:, span], atol=3e-4)


def test_excerpts_lie_where_most_was_changed(tmp_path: Path) -> None:
    choosing = import_module("morphsep.report.choosing")
    chosen = choosing.excerpts(restored())
    first = next(each for each in chosen if each.why.startswith("the worst repair"))
    assert first.start <= CLICKS[-1] < first.start + first.num_samples
    ends = [(each.start, each.start + each.num_samples) for each in chosen]
    assert all(0 <= start < end <= SECONDS * MODEL_RATE for start, end in ends)
    assert all(one[1] <= other[0] for one, other in pairwise(ends))


def test_the_worst_repairs_come_first_and_are_seen(tmp_path: Path) -> None:
    master, _, _ = sounds()
    many = [Place(start=9000 + 900 * n, length=30, size_db=-90 + n) for n in range(40)]
    step = StepDone(name="declick", summary="", difference=reader(master), places=many)
    page = Seen(page_of(tmp_path, restored(steps=[step])))
    shown = [text for text in page.texts if re.fullmatch(r"−\d+\.\d dBFS", text)]
    assert shown[:20] == [f"−{90 - n}.0 dBFS" for n in range(39, 19, -1)]
    curves = [line["points"] for line in page.of("polyline")]
    assert len(curves) == 40
    for points in curves:
        xs, ys = np.array([point.split(",") for point in str(points).split()], float).T
        assert 0 <= xs.min() <= xs.max() <= 168.1
        assert 0 <= ys.min() <= ys.max() <= 48


def test_the_end_of_the_band_is_drawn_where_it_is(tmp_path: Path) -> None:
    edge = 5480.0
    tone = reader(np.sin(2 * np.pi * edge / MODEL_RATE * np.arange(60_000))[None] / 2)
    made = restored(seconds=SHORT, before=tone, after=tone, steps=[], bandwidth_hz=edge)
    text = page_of(tmp_path, made)
    (height,) = set(re.findall(r'<path d="M0,(\d+)h1000"/>', text))
    images = [image for image in Seen(text).of("img") if "changed" not in str(image["alt"])]
    assert len(images) >= 4
    for image in images:
        picture = imread(io.BytesIO(decoded(image["src"], "image/png")))[..., :3].mean(axis=(1, 2))
        at = (int(picture.argmax()) + 0.5) / picture.size
        assert int(height) / 1000 == pytest.approx(at, abs=1.5 / picture.size)
    assert "surviving band, 5\u202f480 Hz." in text
    assert 'class="band"' not in page_of(tmp_path, replace(made, bandwidth_hz=30_000.0))


def test_a_page_holds_no_more_than_a_browser_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = page_of(tmp_path, restored())
    assert len(whole) < 6 << 20
    monkeypatch.setattr(import_module("morphsep.report.listening"), "MOST_BYTES", 500_000)
    page = page_of(tmp_path, restored())
    assert "Further excerpts would make this page too large." in page
    assert 0 < page.count('class="players"') < whole.count('class="players"')


class Endless:
    """Ten hours that are made when they are read; counts what is read."""

    info = ArrayInfo(sample_rate=96_000, num_channels=1, num_samples=36_000 * 96_000)

    def __init__(self) -> None:
        self.num_read = 0

    def read(self, start: int, num_samples: int) -> Signal:
        self.num_read += num_samples
        return np.sin(np.arange(start, start + num_samples) / 30, dtype=np.float32)[None] / 4


def test_of_ten_hours_only_some_seconds_are_read(tmp_path: Path) -> None:
    before, after = Endless(), Endless()
    page_of(tmp_path, replace(restored(seconds=SHORT), before=before, after=after, steps=[]))
    assert 0 < max(before.num_read, after.num_read) < 60 * 96_000


@pytest.mark.parametrize("num_samples", [0, 1, 2047, 30_000])
@pytest.mark.parametrize("rate", [8_000, 192_000])
def test_short_and_silent_recordings(tmp_path: Path, num_samples: int, rate: int) -> None:
    silence = reader(np.zeros((1, num_samples), np.float32), rate)
    step = StepDone(name="declick", summary="none", difference=silence)
    page = Seen(
        page_of(tmp_path, restored(seconds=SHORT, before=silence, after=silence, steps=[step]))
    )
    assert len(heard(page, "Before")) == (num_samples > 0)
    assert "nan" not in "".join(page.texts)


def test_a_failure_and_another_length_are_told(tmp_path: Path) -> None:
    text = "".join(
        Seen(page_of(tmp_path, restored(seconds=SHORT, after=None, status="failed"))).texts
    )
    assert "Failed: tape.wav" in text
    master, _, _ = sounds(1, SHORT)
    slower = reader(np.repeat(master, 2, axis=1))
    page = Seen(page_of(tmp_path, restored(seconds=SHORT, after=slower, stretch=2.0)))
    before, after = heard(page, "Before")[0], heard(page, "After")[0]
    assert after.shape[1] == 2 * before.shape[1]
    gain = np.abs(after).max() / np.abs(before).max()
    np.testing.assert_allclose(after[:, ::2], gain * before, atol=1e-4)
    assert not heard(page, "All that was changed")
    broken = Check(name="pitch", bound="3 cents", value="9 cents", is_kept=False)
    text = "".join(Seen(page_of(tmp_path, restored(seconds=SHORT, checks=[broken]))).texts)
    assert "Out of bounds: pitch." in text
    assert "lies within its bound" not in text
    nothing = page_of(tmp_path, restored(seconds=SHORT, steps=[], message=""))
    assert "Nothing was changed" in nothing


def test_the_same_work_gives_the_same_page(tmp_path: Path) -> None:
    made = restored(seconds=SHORT)
    assert page_of(tmp_path, made) == page_of(tmp_path, made)


def test_a_batch_is_bounded_and_what_failed_comes_first(tmp_path: Path) -> None:
    rows = [row(f"{n:04}.wav", broken=[], message="") for n in range(700)]
    rows[650] = row("0650.wav", status="failed")
    rows[600] = row("0600.wav", broken=["pitch"])
    page = Seen(index_of(tmp_path, rows))
    links = [str(link["href"]) for link in page.of("a")]
    assert links[:3] == ["./0600.wav.html", "./0650.wav.html", "./0000.wav.html"]
    assert len(links) == 500
    assert "200 more are in the manifest." in page.texts
    assert "1 failed, 699 ok" in page.texts


@pytest.mark.parametrize("name", ["javascript:alert(1)", "ß #1?%20.flac", "a/b c/d.wav"])
def test_links_lead_to_the_pages(tmp_path: Path, name: str) -> None:
    page = Seen(index_of(tmp_path, [row(name), row("none", has_page=False)]))
    (link,) = page.of("a")
    address = urlsplit(str(link["href"]))
    assert unquote(address.path) == f"./{page_name(name)}"
    assert (address.scheme, address.query, address.fragment) == ("", "", "")


FIRST, THIRD = "document.querySelectorAll('audio')[0]", "document.querySelectorAll('audio')[2]"


@needs_browser
def test_in_a_browser_sounds_take_over_at_the_same_moment(tmp_path: Path) -> None:
    page_of(tmp_path, restored())
    index_of(tmp_path, [row("tape.wav"), row("other.wav", has_page=False)])
    with Browser() as browser:
        browser.open(tmp_path / "index.html")
        browser.value("document.querySelector('[data-filter]').value = 'TAPE'")
        browser.value("document.querySelector('[data-filter]').dispatchEvent(new Event('input'))")
        hidden = "[...document.querySelectorAll('tbody tr')].map((row) => row.hidden)"
        assert sorted(browser.value(hidden)) == [False, True]
        browser.open(tmp_path / "tape.wav.html")
        browser.value("document.querySelector('.players').focus()")
        browser.press("1")
        browser.wait(f"{FIRST}.currentTime > 0.1 && !{FIRST}.paused")
        browser.press("3")
        browser.wait(f"{THIRD}.currentTime > 0.1 && !{THIRD}.paused")
        assert browser.value(f"{FIRST}.paused")
        browser.press(" ")
        browser.wait(f"{THIRD}.paused")
        at = browser.value(f"{THIRD}.currentTime")
        browser.press("ArrowRight")
        assert browser.value(f"{THIRD}.currentTime") == pytest.approx(at + 0.5, abs=0.01)
        browser.press("l")
        assert browser.value(f"{THIRD}.loop")
        counts = "['audio', 'button'].map((tag) => document.querySelectorAll(tag).length)"
        audios, buttons = browser.value(counts)
        assert audios == buttons > 10
        images = "[...document.images].every((each) => each.complete && each.naturalWidth > 0)"
        assert browser.value(images)
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        paper = "getComputedStyle(document.body).backgroundColor"
        light = browser.value(paper)
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        browser.tell("Emulation.setEmulatedMedia", features=[dark])
        assert browser.value(paper) != light
        assert browser.complaints == []
        assert {urlsplit(each).scheme for each in browser.requests} == {"file", "data"}
