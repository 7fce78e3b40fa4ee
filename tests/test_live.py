"""Live: what is played block by block is what `morphsep morph` makes of the same guitar."""

import gc
import json
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from morphsep.cli.app import app
from morphsep.dsp import ArrayReader, ModelRateReader, Polyphase, Signal, to_rate
from morphsep.errors import SettingError
from morphsep.live import NULL_DB, BlockMorph, RealTime, check, undisturbed, warm_up
from morphsep.tones import BUILTIN
from tests.songs import guitar, read, write

ROOMS = {"ambient", "hall", "room"}
PLAYED = sorted({file.stem for file in BUILTIN.glob("*.yaml")} - ROOMS)
SECONDS = 1.5


def recording(folder: Path, rate: int = 44100, channels: int = 2) -> str:
    return str(write(folder / "guitar.wav", guitar(SECONDS, rate, channels), rate, "FLOAT"))


def played(live: BlockMorph, heard: Signal, amount: Signal, edges: list[int]) -> Signal:
    return np.concatenate(
        [live.process(heard[:, a:b], amount[a:b]) for a, b in pairwise(edges)], axis=1
    )


@pytest.mark.parametrize("to", [tone for tone in PLAYED if tone != "clean"])
def test_every_tone_nulls_against_morph(tmp_path: Path, to: str) -> None:
    found = check(recording(tmp_path), "clean", to, amount=None, block=64, seconds=SECONDS)
    assert found.null_db < NULL_DB
    assert found.latency < 2600


@pytest.mark.parametrize(
    ("from_", "to"), [("as-recorded", "clean"), ("distortion", "chorus"), ("overdrive", "fuzz")]
)
def test_other_ways_null_too(tmp_path: Path, from_: str, to: str) -> None:
    found = check(recording(tmp_path), from_, to, amount=None, block=64, seconds=SECONDS)
    assert found.null_db < NULL_DB


@pytest.mark.parametrize("block", [32, 441, 1024, 2500])
@pytest.mark.parametrize("to", ["fuzz", "tremolo"])
def test_blocks_of_any_size_null(tmp_path: Path, to: str, block: int) -> None:
    found = check(recording(tmp_path), "clean", to, amount=None, block=block, seconds=SECONDS)
    assert found.null_db < NULL_DB


@pytest.mark.parametrize("to", ["overdrive", "tremolo"])
@pytest.mark.parametrize(
    ("rate", "channels", "block"),
    [(22050, 1, 2500), (44100, 1, 64), (48000, 1, 64), (48000, 2, 64), (96000, 2, 100)],
)
def test_rates_and_channels_null(
    tmp_path: Path, to: str, rate: int, channels: int, block: int
) -> None:
    song = recording(tmp_path, rate, channels)
    found = check(song, "clean", to, amount=None, block=block, seconds=SECONDS)
    assert (found.sample_rate, found.channels) == (rate, channels)
    assert found.null_db < NULL_DB


@pytest.mark.parametrize("amount", ["0.5", "1", "0:00=0 0:00.5=0 0:00.6=1 0:01=1 0:01.01=0.3"])
def test_a_knob_that_rests_or_jumps_nulls(tmp_path: Path, amount: str) -> None:
    found = check(
        recording(tmp_path), "clean", "overdrive", amount=amount, block=64, seconds=SECONDS
    )
    assert found.null_db < NULL_DB


def test_a_certificate_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("morphsep.live.certificate")
    monkeypatch.setattr(module, "morph_samples", lambda recipe, x, rate: x * np.float32(0.5))
    song = recording(tmp_path)
    assert not check(song, "clean", "fuzz", amount=None, block=64, seconds=1).holds
    assert CliRunner().invoke(app, ["live", "check", song, "--to", "fuzz"]).exit_code == 2


def in_blocks(to: str, edges: list[int]) -> Signal:
    """Half a second from `clean`, in blocks with these edges."""
    heard, amount = guitar(0.5, 48000), np.linspace(0.1, 0.8, 24000, dtype=np.float32)
    return played(BlockMorph("clean", to, 48000), heard, amount, edges)


@cache
def in_even_blocks(to: str) -> Signal:
    return in_blocks(to, [*range(0, 24001, 100)])


@given(st.lists(st.integers(32, 1500), min_size=1, max_size=40))
@example([32, 33, 35, 64, 65, 1500])
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("to", ["gated-fuzz", "chorus"])
def test_the_sound_does_not_depend_on_the_blocks(to: str, sizes: list[int]) -> None:
    edges = [0, *(int(e) for e in np.cumsum(sizes) if e <= 24000 - 32), 24000]
    assert np.abs(in_blocks(to, edges) - in_even_blocks(to)).max() < 1e-5


def test_what_it_keeps_does_not_grow() -> None:
    import tracemalloc

    live = BlockMorph("clean", "overdrive", 48000)
    noise = guitar(0.1, 48000)[:, :64]
    warm_up(live, 64)
    tracemalloc.start()
    sizes = []
    for _ in range(3):
        for index in range(300):
            live.process(noise, index / 300)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[2] - sizes[1] < 20_000


def test_a_number_is_reached_in_a_straight_line() -> None:
    live, other = (BlockMorph("clean", "fuzz", 44100) for _ in range(2))
    heard = guitar(0.2)[:, :6400]
    for start in range(0, 6400, 64):
        block, at = heard[:, start : start + 64], start / 6400
        line = np.linspace(max(start - 64, 0) / 6400, at, 65, dtype=np.float32)[1:]
        apart = live.process(block, at) - other.process(block, line)
        assert np.abs(apart).max() < 1e-5


def test_a_sample_that_is_no_number_is_silent() -> None:
    live = BlockMorph("as-recorded", "clean", 44100)
    block = np.zeros((2, 64), np.float32)
    block[0, 3], block[1, 5] = np.nan, np.inf
    assert np.isfinite(live.process(block, 0.5)).all()
    assert not live.process(np.zeros((2, 64), np.float32), 0.5).any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("clean", "hall", 44100), "Reverberator cannot be played live"),
        (("clean", "fuzz", 44101), "44101 Hz"),
        (("clean", "fuzz", 0), "0 Hz"),
    ],
)
def test_what_cannot_be_played_is_refused(arguments: tuple[str, str, int], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        BlockMorph(*arguments)


def test_short_blocks_and_other_channels_are_refused() -> None:
    live = BlockMorph("clean", "fuzz", 44100)
    for shape in ((2, 31), (1, 64), (3, 64)):
        with pytest.raises(SettingError, match="at least 32 samples"):
            live.process(np.zeros(shape, np.float32), 0.5)
    with pytest.raises(SettingError, match="one channel or two"):
        BlockMorph("clean", "fuzz", 44100, channels=3)


@pytest.mark.parametrize("rates", [(48000, 44100), (44100, 48000), (96000, 44100), (8000, 44100)])
def test_resampling_in_blocks_is_that_of_files(rates: tuple[int, int]) -> None:
    old, new = rates
    heard = np.random.default_rng(0).standard_normal((2, old)).astype(np.float32)
    blocks = Polyphase(old, new, 2)
    edges = [*range(0, old, 77), old]
    made = np.concatenate([blocks.push(heard[:, a:b]) for a, b in pairwise(edges)], axis=1)
    reader = ArrayReader(heard, old)
    if new == 44100:
        expected = ModelRateReader(reader).read(0, made.shape[1])
    else:
        expected = to_rate(lambda a, n: _padded(heard, a, n), 0, made.shape[1], new)
    assert made.shape[1] > new * 0.9
    assert np.abs(made - expected).max() < 1e-5


def _padded(heard: Signal, start: int, size: int) -> Signal:
    return ArrayReader(heard, 44100).read(start, size)


def test_playing_measures_each_block_and_collects_no_garbage() -> None:
    heard = guitar(0.3, 48000)
    seen: list[bool] = []
    playing = RealTime(
        BlockMorph("clean", "chorus", 48000), heard, np.full(heard.shape[1], 0.5, np.float32),
        48000, 64,
    )  # fmt: skip
    found = playing.play(lambda meter: seen.append(gc.isenabled()), paced=False)
    assert seen == [False]
    assert gc.isenabled()
    assert found.blocks == heard.shape[1] // 64
    assert 0 < found.median <= found.most <= found.worst
    assert found.xruns == 0
    assert np.isfinite(playing.out).all()


def test_garbage_is_collected_again_after_a_fault() -> None:
    with pytest.raises(RuntimeError), undisturbed():
        raise RuntimeError
    assert gc.isenabled()


def test_a_block_that_comes_too_late_is_an_xrun() -> None:
    class Slow:
        latency = 0
        calls = 0

        def process(self, block: Signal, amount: Signal) -> Signal:
            self.calls += 1
            return block if self.calls != 2 else _burnt(block)

    heard = np.zeros((1, 8000 * 4), np.float32)
    playing = RealTime(Slow(), heard, np.zeros(32000, np.float32), 8000, 8000)  # type: ignore[arg-type]
    assert playing.play(lambda meter: None).xruns == 1


def _burnt(block: Signal) -> Signal:
    import time

    time.sleep(1.2)
    return block


def test_live_plays_a_file_and_writes_what_was_heard(tmp_path: Path) -> None:
    song, out = recording(tmp_path, 48000), tmp_path / "out.wav"
    arguments = ["live", "--file", song, "--to", "chorus", "--block", "1024", "-o", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["blocks"] == int(SECONDS * 48000) // 1024
    heard = read(out)
    assert heard.shape[-1] == said["blocks"] * 1024
    assert np.abs(heard).max() > 0.01


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a recording with --file"),
        (["--file", "SONG", "-o", "x.mp3"], "must end in .wav"),
        (["--file", "SONG", "--to", "room"], "cannot be played live"),
        (["check", "SILENT"], "is silent"),
        (["check", "SONG", "--amount", "follow level 0.1..0.9"], "follows a whole song"),
        (["--file", "SONG", "--amount", "follow level 0.1..0.9"], "follows a whole song"),
    ],
)
def test_what_live_cannot_do_it_says(tmp_path: Path, arguments: list[str], says: str) -> None:
    names = {
        "SONG": recording(tmp_path),
        "SILENT": str(write(tmp_path / "silent.wav", np.zeros((1, 44100), np.float32))),
    }
    done = CliRunner().invoke(app, ["live", *(names.get(each, each) for each in arguments)])
    assert isinstance(done.exception, SettingError)
    assert says in str(done.exception)
