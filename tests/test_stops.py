"""Stops: what is cut out of a song, rendered at every stop, measured, and shown on a page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from morphsep.dsp import MODEL_RATE, LoudnessMeter, Signal
from morphsep.errors import SettingError, TrackError
from morphsep.stops import (
    Excerpt,
    Transition,
    Wanted,
    check_folder,
    make_transition,
    read_excerpt,
    write_pages,
)
from morphsep.stops.excerpt import FADE
from morphsep.stops.sine import BREAK_UP, SETTLED, Sine, break_up
from morphsep.storage import location
from tests import songs
from tests.browser import Browser, needs_browser
from tests.commands import invoke


def lufs(sound: Signal) -> float:
    meter = LoudnessMeter(MODEL_RATE, sound.shape[0])
    meter.add(sound)
    return meter.integrated_at_any_level()


@cache
def excerpt() -> Excerpt:
    guitar = songs.guitar(2.0, channels=1)
    return Excerpt(path="take.wav", start=1.5, guitar=guitar, backing=None)


@cache
def transition(backend: str = "chain", steps: int = 3) -> Transition:
    return make_transition(excerpt(), Wanted(to="overdrive", backend=backend, steps=steps))


# what is cut out


def test_the_loudest_passage_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    song = songs.guitar(12.0, rate=48000)
    song[:, : 6 * 48000] *= 0.05
    song[:, 9 * 48000 :] *= 0.05
    path = songs.write(tmp_path / "song.wav", song, rate=48000, subtype="FLOAT")
    found = read_excerpt(str(path), separator="none", seconds=3.0)
    assert found.start == pytest.approx(6.0, abs=0.5)
    assert found.guitar.shape == (2, 3 * MODEL_RATE)
    assert found.backing is None
    early = read_excerpt(str(path), separator="none", at=1.0, seconds=3.0)
    assert early.start == 1.0
    late = read_excerpt(str(path), separator="none", at=11.25, seconds=3.0)
    assert (late.start, late.seconds) == (11.25, 0.75), "shorter, where less is left"
    assert read_excerpt(str(path), separator="none", seconds=30.0).seconds == pytest.approx(12.0)


def test_guitar_and_backing_add_up_to_the_song(tmp_path: Path) -> None:
    path = songs.song(tmp_path, 4.0)
    found = read_excerpt(str(path), separator="harmonic", at=1.0, seconds=2.0)
    assert found.backing is not None
    inner = slice(FADE, -FADE)
    song = songs.read(path)[:, MODEL_RATE : 3 * MODEL_RATE]
    assert np.abs((found.guitar + found.backing - song)[:, inner]).max() < 1e-6
    assert not found.guitar[:, [0, -1]].any()


def test_a_place_without_guitar_is_refused(tmp_path: Path) -> None:
    song = songs.guitar(6.0)
    song[:, : 3 * MODEL_RATE] = 0
    path = str(songs.write(tmp_path / "song.wav", song))
    with pytest.raises(TrackError, match="choose another --at") as raised:
        read_excerpt(path, separator="none", at=0.0, seconds=2.0)
    assert raised.value.code == "no_guitar"
    for at in (5.8, 60.0):
        with pytest.raises(SettingError, match="choose an earlier --at"):
            read_excerpt(path, separator="none", at=at)


# what is rendered


@pytest.mark.parametrize("backend", ["chain", "spectral"])
def test_the_way_begins_and_ends_with_the_tones_themselves(backend: str) -> None:
    made = transition(backend)
    assert [way.backend for way in made.ways] == [backend, "crossfade", "vocoder"]
    for way in made.ways:
        assert len(way.sounds) == 3
        assert all(np.isfinite(sound).all() for sound in way.sounds)
        assert all(sound.shape == excerpt().guitar.shape for sound in way.sounds)
        assert way.positions[0] == 0
        assert way.positions[-1] == 1
        assert 0 < way.positions[1] < 1
        for own, first in zip(
            way.sounds[:: len(way.sounds) - 1], made.ways[0].sounds[::2], strict=True
        ):
            assert np.abs(own - first).max() < 1e-3, "all ways have the same ends"
    assert len(made.chains) == (3 if backend == "chain" else 0)


def test_a_drive_gives_a_sine_overtones() -> None:
    clean, half, driven = transition().ways[0].harmonics
    assert clean < BREAK_UP < driven
    assert half < driven


def test_tones_and_backends_that_are_not_there_are_refused() -> None:
    with pytest.raises(SettingError, match="no-such"):
        make_transition(excerpt(), Wanted(to="no-such", steps=2))
    with pytest.raises(SettingError, match="no-such"):
        make_transition(excerpt(), Wanted(to="fuzz", backend="no-such", steps=2))


# the sine


@given(st.lists(st.floats(0, 0.5), min_size=3, max_size=6), st.floats(-40, -6))
def test_the_distortion_of_known_overtones(amplitudes: list[float], level: float) -> None:
    sine = Sine(level=level)
    turns = np.arange(sine.sound.shape[1]) * sine.turns / (sine.sound.shape[1] - SETTLED)
    made = sine.sound[0].astype(np.float64)
    peak = np.abs(made).max()
    for k, amplitude in enumerate(amplitudes, 2):
        made += peak * amplitude * np.sin(2 * np.pi * k * turns + k)
    wanted = 100 * np.sqrt(np.square(amplitudes).sum())
    assert sine.distortion(made[None]) == pytest.approx(wanted, abs=0.01)


def test_the_sine_is_as_loud_as_the_guitar() -> None:
    assert lufs(Sine(level=-20.0).sound) == pytest.approx(-20.0, abs=0.3)


@given(st.lists(st.floats(0, 30), min_size=2, max_size=12))
def test_break_up_lies_where_the_line_passes_the_threshold(harmonics: list[float]) -> None:
    amounts = np.linspace(0, 1, len(harmonics)).tolist()
    found = break_up(amounts, harmonics)
    if found.amount is None:
        same = [value >= BREAK_UP for value in harmonics]
        assert all(same) if found.kind == "always" else not any(same)
        return
    assert np.interp(found.amount, amounts, harmonics) == pytest.approx(BREAK_UP, abs=1e-6)
    before = np.interp(np.linspace(0, found.amount, 50)[:-1], amounts, harmonics)
    if found.kind == "from":
        assert (before <= BREAK_UP + 1e-6).all()
    else:
        assert (before >= BREAK_UP - 1e-6).all()


def test_what_is_said_of_it() -> None:
    for harmonics, said in (
        ([1, 9], "breaks up at 0.50"), ([9, 1], "is broken up until 0.50"),
        ([1, 2], "does not break up"), ([8, 9], "is broken up from the beginning"),
    ):  # fmt: skip
        assert str(break_up([0, 1], harmonics)) == said


# the page


def data_of(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="sounds">(.*?)</script>', text)
    assert found is not None
    data: dict[str, object] = json.loads(found[1])
    return data


def decoded(text: str) -> Signal:
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(text)), always_2d=True)
    assert rate == MODEL_RATE
    return sound.T.astype(np.float32)


@pytest.mark.parametrize("with_song", [False, True])
def test_a_page_holds_every_stop_and_the_gain_that_makes_it_as_loud(tmp_path, with_song) -> None:
    guitar = excerpt().guitar
    backing = songs.backing(2.0, channels=1) - 4 * guitar if with_song else None  # they cancel
    made = replace(transition(), excerpt=replace(excerpt(), backing=backing))
    page = write_pages(location(tmp_path), made)
    data = data_of(tmp_path / page.file)
    beside = decoded(data["backing"]) if data["backing"] else np.zeros_like(excerpt().guitar)
    assert bool(data["backing"]) == with_song
    first = lufs(decoded(data["ways"][0]["sounds"][0]))
    for way, ours in zip(data["ways"], made.ways, strict=True):
        assert len(way["sounds"]) == len(way["gains"]) == len(ours.sounds)
        for text, gain in zip(way["sounds"], way["gains"], strict=True):
            sound = decoded(text)
            assert sound.shape == excerpt().guitar.shape
            assert lufs(sound * np.float32(gain)) == pytest.approx(first, abs=0.05)
            for heard in (sound, sound * np.float32(gain)):
                assert np.abs(heard + beside).max() <= 1.001, "it clips"
            assert np.abs(sound).max() < 0.9999, "clipped in the file"


def test_a_page_lets_nothing_in_and_shows_names_as_they_are(tmp_path: Path) -> None:
    name = '<img src=x onerror="alert(1)">'
    hostile = replace(excerpt(), path=name + ".wav")
    page = write_pages(location(tmp_path), replace(transition(), excerpt=hostile))
    for file in (page.file, "index.html"):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert 'onerror="' not in text
        script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
        assert len(script) == 1
        digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in text
        assert not re.search(r'(?:src|href)="https?:', text)
    assert re.fullmatch(r"[\w.-]+\.html", page.file)


def test_the_list_has_every_page_once(tmp_path: Path) -> None:
    folder = location(tmp_path)
    write_pages(folder, transition())
    write_pages(folder, transition())
    second = write_pages(folder, transition("spectral"))
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.count("<a href=") == 2
    assert f'href="{second.file}"' in index
    assert (
        json.loads((tmp_path / second.file.replace(".html", ".stops.json")).read_text())["song"]
        == "take"
    )


def test_songs_of_one_name_and_places_of_one_song_have_pages_of_their_own(tmp_path: Path) -> None:
    takes = [
        replace(excerpt(), path=path, start=start)
        for path, start in (("a/take.wav", 0.0), ("b/take.wav", 0.0), ("b/take.wav", 1.0),
                            ("\udce4" * 200 + ".wav", 0.0), ("../x/\u30ae.wav", 0.0))
    ]  # fmt: skip
    files = [write_pages(location(tmp_path), replace(transition(), excerpt=t)).file for t in takes]
    assert len(set(files)) == len(takes)
    assert all((tmp_path / file).is_file() and len(file) < 200 for file in files)


def test_a_list_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(SettingError, match="not ours"):
        check_folder(location(tmp_path))
    (tmp_path / "index.html").unlink()
    (tmp_path / "other.stops.json").write_text('{"file": "x", "old": 1}')
    check_folder(location(tmp_path))
    write_pages(location(tmp_path), transition())
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count("<a href=") == 1


def test_a_tone_of_a_file_is_named_without_its_folder(tmp_path: Path) -> None:
    rig = tmp_path / "private" / "rig.yaml"
    rig.parent.mkdir()
    rig.write_text("pedals: [Drive: {drive_db: 22}]")
    made = make_transition(excerpt(), Wanted(to=str(rig), steps=2))
    page = write_pages(location(tmp_path / "out"), made)
    for file in (tmp_path / "out").iterdir():
        assert "private" not in file.name + file.read_text(encoding="utf-8")
    assert "rig" in page.title


def test_what_no_browser_should_hold_is_refused() -> None:
    long = replace(excerpt(), guitar=np.tile(excerpt().guitar, (2, 15)))
    with pytest.raises(SettingError, match="fewer --steps or --seconds"):
        make_transition(long, Wanted(to="overdrive", steps=41))


def test_everything_can_be_reached_without_a_mouse_and_is_said(tmp_path: Path) -> None:
    page = write_pages(location(tmp_path), transition())
    text = (tmp_path / page.file).read_text(encoding="utf-8")
    assert len(re.findall(r'<button type="button" data-stop="\d+" aria-label="amount', text)) == 3
    assert '<label for="knob">' in text
    assert len(re.findall(r'<input type="radio" name="way"', text)) == 3
    assert text.count("<img alt=") == 3
    for way in transition().ways:
        for value in way.harmonics:
            assert f"<td>{value:.1f}</td>" in text, "what a line says stands in the table, too"


def test_the_command(tmp_path: Path) -> None:
    songs.write(tmp_path / "take.wav", songs.guitar(3.0, channels=1))
    words = ("stops", tmp_path / "take.wav", "--to", "fuzz", "--to", "chorus", "--steps", 2)
    done = invoke(*words, "--seconds", 1, "--separator", "none", "-o", tmp_path / "page", "--json")
    assert done.returncode == 0, done.stderr
    pages = json.loads(done.stdout)
    assert [page["title"] for page in pages] == ["take: clean to fuzz", "take: clean to chorus"]
    assert all(Path(page["path"]).is_file() for page in pages)
    said = invoke(*words, "--seconds", 1, "--separator", "none", "-o", tmp_path / "page").stdout
    assert "index.html" in said
    absent = ("stops", tmp_path / "no.wav", "--to", "fuzz", "--steps", 2, "--seconds", 1)
    missing = invoke(*absent, "--separator", "none", "-o", tmp_path / "page")
    assert missing.returncode == 3
    assert "no.wav: not_found" in missing.stdout
    both = invoke(*absent, *words[1:2], "--separator", "none", "-o", tmp_path / "page", "--json")
    assert both.returncode == 2
    assert [found.get("error_code") for found in json.loads(both.stdout)] == [None, "not_found"]
    refused = invoke("stops", tmp_path / "no.wav", "--to", "nosuch", "-o", tmp_path / "page")
    assert refused.returncode == 1, "before anything is read"
    assert "nosuch" in refused.stderr


@needs_browser
def test_in_a_browser_one_stop_is_heard_and_the_next_takes_its_place(tmp_path: Path) -> None:
    backing = songs.backing(2.0, channels=1)
    made = replace(transition(), excerpt=replace(excerpt(), backing=backing))
    page = write_pages(location(tmp_path), made)
    levels = "opened.map((way) => way.map((node) => Number(node.gain.value > 0.1)))"
    with Browser() as browser:
        browser.open(tmp_path / page.file)
        browser.press(" ")
        browser.wait("context && context.state === 'running' && opened.length === 3")
        browser.wait(f"String({levels}) === '1,0,0,0,0,0,0,0,0'")
        browser.press("ArrowRight")
        browser.wait(f"String({levels}) === '0,1,0,0,0,0,0,0,0'")
        assert browser.value("element('knob').getAttribute('aria-valuetext')") == "amount 0.50"
        browser.press("3")
        browser.wait(f"String({levels}) === '0,0,0,0,0,0,0,1,0'")
        assert browser.value("backing.gain.value") == 1
        browser.press("b")
        browser.wait("backing.gain.value === 0")
        browser.press(" ")
        browser.wait("context.state === 'suspended'")
        browser.value("document.querySelector('[data-stop=\"2\"]').click()")
        assert browser.value("element('says').textContent") == "1.00"
        browser.open(tmp_path / "index.html")
        assert not browser.complaints
        assert not [each for each in browser.requests if not each.startswith(("file:", "data:"))]
