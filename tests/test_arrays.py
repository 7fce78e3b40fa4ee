"""Arrays: the same samples as of files, in memory, from any thread and any process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from threadpoolctl import threadpool_info, threadpool_limits

import morphsep
from morphsep.backends.crossfade import Crossfade
from morphsep.cli import main
from morphsep.dsp import ArrayReader, Signal
from morphsep.errors import SettingError, TrackError
from morphsep.morphing import (
    morph_samples,
    morph_samples_at,
    one_blas_thread,
    recipe,
    recipe_for_arrays,
)
from morphsep.request import make_settings
from morphsep.separators.none import NoSeparation
from tests import songs

CURVE = "0:01=0 0:05=0.8 0:08=1"
PLAIN: dict[str, Any] = {"backend": "crossfade", "uniform": False}


def of_file(folder: Path, audio: Signal, rate: int, **settings: Any) -> np.ndarray:
    """What the pipeline makes of the same samples as a WAV of 32-bit floats, ``[C, T]``."""
    path = songs.write(folder / "x.wav", audio, rate, "FLOAT")
    row = morphsep.morph_file(path, folder / "out", **settings)
    assert row.output is not None
    made, _ = soundfile.read(folder / "out" / row.output, dtype="float32", always_2d=True)
    return np.asarray(made.T)


@pytest.mark.parametrize(
    ("backend", "ends", "rate", "channels", "uniform", "amount"),
    [
        ("chain", ("clean", "fuzz"), 44100, 2, True, 0.4),
        ("chain", ("as-recorded", "chorus"), 48000, 1, False, CURVE),
        ("spectral", ("as-recorded", "distortion"), 48000, 2, False, CURVE),
        ("spectral", ("clean", "flanger"), 44100, 1, True, 0.4),
        ("crossfade", ("clean", "fuzz"), 48000, 2, True, np.float32(0.4)),
        ("crossfade", ("as-recorded", "ambient"), 44100, 1, True, CURVE),
        ("vocoder", ("clean", "overdrive"), 44100, 2, False, CURVE),
        ("vocoder", ("as-recorded", "tremolo"), 48000, 1, True, 0.4),
    ],
)
def test_a_guitar_gives_the_samples_of_its_file(
    tmp_path: Path, backend: str, ends: tuple[str, str], rate: int, channels: int, uniform: bool,
    amount: Any,
) -> None:  # fmt: skip
    """Nine seconds are two chunks, and two sections of the file."""
    audio = songs.guitar(9.0, rate, channels)
    audio[:, : rate // 2] = 0
    settings: dict[str, Any] = {"backend": backend, "uniform": uniform, "chunk": 5}
    wanted = of_file(
        tmp_path, audio, rate, from_=ends[0], to=ends[1], amount=amount, separator="none",
        section=5, **settings,
    )  # fmt: skip
    assert np.array_equal(morphsep.Morph(*ends, **settings)(audio, rate, amount=amount), wanted)
    assert not np.array_equal(wanted, audio)


def test_a_guitar_gives_the_samples_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = songs.guitar(6.0, 48000)
    path = songs.write(tmp_path / "x.wav", audio, 48000, "FLOAT")
    out = tmp_path / "out"
    arguments = ["--separator", "none", "--from", "clean", "--to", "fuzz", "--amount", "0.4"]
    command = ["morphsep", "morph", str(path), "-o", str(out), "--executor", "local", *arguments]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    made, _ = soundfile.read(out / "x.wav", dtype="float32")
    assert np.array_equal(morphsep.Morph("clean", "fuzz")(audio, 48000, amount=0.4), made.T)


@pytest.mark.parametrize(
    ("separator", "rate", "channels"),
    [("harmonic", 44100, 2), ("embedded", 48000, 1), ("stem", 44100, 1), ("stem", 48000, 2)],
)
def test_a_mix_gives_the_samples_of_its_file(
    tmp_path: Path, separator: str, rate: int, channels: int
) -> None:
    guitar = songs.guitar(6.0, rate, channels)
    mix = guitar + songs.backing(6.0, rate, channels)
    settings: dict[str, Any] = {"to": "distortion", "separator": separator, "chunk": 5} | PLAIN
    if separator == "stem":
        settings["stem"] = str(songs.write(tmp_path / "own {1}.wav", guitar, rate)).replace(
            "{1}", "{{1}}"
        )
    wanted = of_file(tmp_path, mix, rate, section=5, **settings)
    made = morphsep.morph_array(mix, rate, **settings)
    assert np.array_equal(made, wanted)
    assert not np.array_equal(made, mix)


def test_one_morph_takes_any_array_and_any_amount_in_any_order() -> None:
    morph = morphsep.Morph("clean", "fuzz", **PLAIN)
    audio = songs.guitar(1.0)
    full = morph(audio, 44100)
    assert np.array_equal(morph(audio, 44100, amount=0), audio)
    assert np.array_equal(morph(audio, 44100, amount="0"), audio)
    soft = morph(audio, 44100, amount=0.4)
    moving = morph(audio, 44100, amount="0=0.2 1=0.6")
    assert len({each.tobytes() for each in (audio, full, soft, moving)}) == 4
    assert morph((audio[0] * 2**15).astype(np.int16), 22050).shape == audio[0].shape
    assert np.array_equal(morph(audio, 44100, amount=0.4), soft)
    assert np.array_equal(morph(audio, 44100), full)


def test_what_comes_back_is_the_callers_own() -> None:
    morph = morphsep.Morph("clean", "fuzz", **PLAIN)
    audio = songs.guitar(0.5)
    before = audio.copy()
    for amount in (0, 0.5):
        morph(audio, 44100, amount=amount)[:] = 9
        assert np.array_equal(audio, before)


def test_tones_are_read_when_a_morph_is_built(tmp_path: Path) -> None:
    tone = tmp_path / "mine.yaml"
    tone.write_text("name: mine\npedals:\n  - Drive: {drive_db: 30}\n")
    audio = songs.guitar(0.5)
    morph = morphsep.Morph("clean", str(tone), backend="chain", uniform=False)
    before = morph(audio, 44100)
    tone.write_text("name: mine\npedals:\n  - Drive: {drive_db: -6}\n")
    assert np.array_equal(morph(audio, 44100), before)
    again = morphsep.Morph("clean", str(tone), backend="chain", uniform=False)
    assert not np.array_equal(again(audio, 44100), before)
    once = morphsep.morph_array(
        audio, 44100, from_="clean", to=str(tone), separator="none", backend="chain", uniform=False
    )
    assert np.array_equal(once, again(audio, 44100))
    tone.unlink()
    assert np.array_equal(morph(audio, 44100), before)


@pytest.mark.parametrize("backend", ["chain", "spectral", "crossfade", "vocoder"])
def test_threads_may_share_a_morph(backend: str) -> None:
    morph = morphsep.Morph("clean", "distortion", backend=backend, uniform=False)
    clips = [songs.guitar(1.0, seed=seed) for seed in range(6)]
    amounts = [0.3, "0=0 1=1", 1.0] * 2
    in_turn = [morph(clip, 44100, amount=a) for clip, a in zip(clips, amounts, strict=True)]
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda c, a: morph(c, 44100, amount=a), clips, amounts))
    assert all(map(np.array_equal, at_once, in_turn))


def blas_threads() -> set[int]:
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


def test_the_last_of_several_threads_gives_blas_its_threads_back() -> None:
    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}
        with pytest.raises(KeyError), one_blas_thread():
            raise KeyError
        assert blas_threads() == {2}


def test_a_morph_is_pickled_as_its_settings() -> None:
    morph = morphsep.Morph("clean", "fuzz", backend="chain", chunk=6, uniform=False)
    text = pickle.dumps(morph)
    assert len(text) < 1000
    audio = songs.guitar(0.5)
    copy = pickle.loads(text)
    assert np.array_equal(copy(audio, 44100, amount=0.3), morph(audio, 44100, amount=0.3))


WATCHED = """
import sys, numpy as np, morphsep
audio = np.sin(np.arange(22050) / 20).astype("float32")
def go():
    morph = morphsep.Morph("clean", "fuzz")
    morph(audio, 48000, amount="0=0 1=1")
    morphsep.morph_array(audio, 44100, to="chorus", amount=0.5, separator="harmonic")
go()  # what is compiled is kept on disk
seen = set()
def hook(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & 3:
        seen.add(str(args[0]))
    elif event in ("os.mkdir", "os.rename", "subprocess.Popen", "socket.connect"):
        seen.add(event)
sys.addaudithook(hook)
go()
print(*sorted(seen))
"""


def test_nothing_is_written_and_nothing_started() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("format", "flac", "an array has none"),
        ("subtype", "PCM_16", "an array has none"),
        ("separator", "none", "morph_array"),
        ("stem", "x.wav", "morph_array"),
        ("shifts", 1, "morph_array"),
        ("separator_options", (), "morph_array"),
        ("amount", 0.5, "with each array"),
        ("bakend", "chain", "there is no setting 'bakend'"),
        ("on_progress", print, "there is no setting 'on_progress'"),
        ("backend", "no-such", "no-such"),
        ("chunk", 1, "--chunk"),
    ],
)
def test_a_setting_that_an_array_does_not_have_is_a_sentence(
    name: str, value: object, sentence: str
) -> None:
    with pytest.raises(SettingError, match=sentence):
        morphsep.Morph("clean", "fuzz", **{name: value})
    if sentence == "an array has none":
        with pytest.raises(SettingError, match=sentence):
            morphsep.morph_array(np.zeros(9), 44100, to="fuzz", separator="none", **{name: value})


def test_a_tone_or_an_amount_that_cannot_be_is_a_sentence() -> None:
    with pytest.raises(SettingError, match="there is no tone 'fuz'"):
        morphsep.Morph("clean", "fuz")
    morph = morphsep.Morph("clean", "fuzz", **PLAIN)
    for amount in (1.5, -0.1, "loud", float("nan"), None):
        with pytest.raises(SettingError, match="amount"):
            morph(np.zeros(9), 44100, amount=amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("stem", ["{stem}.guitar.wav", "s3://bucket/x.wav"])
def test_the_stem_of_an_array_is_a_file_that_is_here(stem: str) -> None:
    with pytest.raises(SettingError, match="the stem of an array is a file on this machine"):
        morphsep.morph_array(np.zeros(9), 44100, to="fuzz", stem=stem)


def test_a_stem_that_is_not_there_is_a_track_error(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match="nowhere") as caught:
        morphsep.morph_array(np.zeros(9), 44100, to="fuzz", stem=str(tmp_path / "nowhere.wav"))
    assert caught.value.code == "stem_not_found"


@dataclass(frozen=True)
class Broken(Crossfade):
    """A backend that gives no numbers."""

    def morph(self, passages: Any) -> list[Signal]:
        return [each.stem * np.float32(np.nan) for each in passages]


class BrokenSeparator(NoSeparation):
    """A separator that gives none."""

    def separate(self, mix: Any, start: int, stop: int) -> Signal:
        return mix.read(start, stop - start) * np.float32(np.inf)


def test_sound_that_is_no_numbers_is_a_track_error(monkeypatch: pytest.MonkeyPatch) -> None:
    audio = songs.guitar(0.5)
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "build_backend", lambda *_: Broken())
        morph = morphsep.Morph("clean", "fuzz", uniform=False)
        with pytest.raises(TrackError, match="no numbers"):
            morph(audio, 44100, amount=0.5)
    monkeypatch.setattr(recipe, "build_separator", lambda *_: BrokenSeparator())
    with pytest.raises(TrackError, match="NaN or infinity"):
        morphsep.morph_array(audio, 44100, to="fuzz", separator="none")


class Fetched(Crossfade):
    """A backend with weights to fetch."""

    count = 0

    def fetch(self) -> None:
        type(self).count += 1


def test_weights_are_fetched_once_when_a_morph_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "build_backend", lambda *_: Fetched())
    morph = morphsep.Morph("clean", "fuzz", uniform=False)
    for _ in range(2):
        morph(songs.guitar(0.2), 44100, amount=0.5)
    assert Fetched.count == 1


@pytest.mark.parametrize(
    ("channels", "taken"), [((1, 0), [1, 0]), ((0, 1), [0, 1]), ((0, 5), [0, 1])]
)
def test_channels_of_an_array_are_taken_as_of_a_file(
    tmp_path: Path, channels: tuple[int, int], taken: list[int]
) -> None:
    audio = songs.guitar(0.25)
    morph = morphsep.Morph("clean", "fuzz", channels=channels, **PLAIN)
    assert np.array_equal(morph(audio, 44100, amount=0), audio[taken])
    assert morph(audio[0], 44100, amount=0).shape == audio[0].shape
    wanted = of_file(
        tmp_path, audio, 44100, from_="clean", to="fuzz", separator="none", channels=channels,
        **PLAIN,
    )  # fmt: skip
    assert np.array_equal(morph(audio, 44100), wanted)


def test_channels_that_are_not_there_are_a_sentence() -> None:
    four = np.repeat(songs.guitar(0.25), 2, axis=0)
    with pytest.raises(SettingError, match="channels must lie in 0 to 3"):
        morphsep.Morph("clean", "fuzz", channels=(0, 7), **PLAIN)(four, 44100)


def test_an_array_is_read_like_a_file() -> None:
    reader = ArrayReader(songs.guitar(0.1), 44100)
    assert np.array_equal(reader.read(-3, 10)[:, 3:], songs.guitar(0.1)[:, :7])
    assert not reader.read(-3, 3).any()
    assert not reader.read(4410, 5).any()
    assert reader.read(0, 0).shape == (2, 0)
    reader.read(0, 4410)[:] = 1
    assert np.array_equal(reader.read(0, 4410), songs.guitar(0.1))


def test_several_amounts_at_once_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated once, whatever the number of amounts."""
    audio, seen = songs.guitar(1.5, 48_000, 2), []
    separate = NoSeparation.separate

    def counting(self: NoSeparation, *arguments: Any) -> Signal:
        seen.append(arguments)
        return separate(self, *arguments)

    settings = make_settings(to="fuzz", from_="clean", separator="none", **PLAIN)
    made = recipe_for_arrays(settings)
    amounts = ["0.25", CURVE, "1"]
    alone = [morph_samples(made.at(amount), audio, 48_000) for amount in amounts]
    monkeypatch.setattr(NoSeparation, "separate", counting)
    together = list(morph_samples_at(made, audio, 48_000, amounts))
    assert len(seen) == 1
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize(("uniform", "amount"), [(True, "0.5"), (False, "0")])
def test_amounts_that_need_a_measurement_each_are_refused(uniform: bool, amount: str) -> None:
    settings = make_settings(
        to="fuzz", separator="none", backend="crossfade", uniform=uniform, amount="1"
    )
    with pytest.raises(SettingError, match="those of the knob"):
        list(morph_samples_at(recipe_for_arrays(settings), songs.guitar(1.0), 44_100, [amount]))


def test_what_takes_long_to_import_is_not() -> None:
    """`scipy.signal` alone takes as long as a short song takes to be morphed."""
    said = """
import sys
import numpy as np
import morphsep
stem = np.random.default_rng(0).standard_normal((1, 44_100)).astype(np.float32) * 0.1
morphsep.morph_array(stem, 44_100, to="distortion", amount=0.5, separator="none")
print(*sys.modules.keys() & {"scipy.signal", "scipy.stats", "torch", "ray", "matplotlib"})
"""
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
