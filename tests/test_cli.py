"""The command line: what it takes, what it prints, how it exits."""

from __future__ import annotations

import importlib.abc
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest

from morphsep import manifest
from morphsep.cli import app as cli
from morphsep.cli.app import app
from morphsep.cli.display import RESTORE_SHARE, SHARE
from morphsep.errors import SettingError
from morphsep.request import (
    BACKEND_OPTIONS,
    Settings,
    describe_plugins,
    has_option,
    setting_options,
)
from morphsep.run.executors import ClusterLostError
from morphsep.separators.demucs import Demucs
from morphsep.stages import Event
from morphsep.storage.faults import StorageError
from tests import songs
from tests.commands import invoke


def as_json(*arguments: object) -> object:
    done = invoke(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def options_by_command() -> dict[str, list[str]]:
    """Each command's options, the long names, sorted."""
    import typer

    def tree(command, name=""):
        if hasattr(command, "commands"):
            for child in command.commands.values():
                yield from tree(child, f"{name} {child.name}".strip())
        else:
            options = [o for p in command.params for o in p.opts if o.startswith("--")]
            yield name, sorted(options)

    return dict(tree(typer.main.get_command(app)))


def test_the_list_of_commands_and_options_is_pinned() -> None:
    """A command line only grows on purpose: whoever adds to it changes this list too."""
    got = options_by_command()
    running = ["--address", "--executor", "--force", "--gpus-per-worker", "--json",
               "--max-failures", "--rerun", "--timeout", "--work", "--workers"]  # fmt: skip
    common = [*running, "--channels", "--device", "--format", "--offline", "--out", "--section",
              "--seed", "--separator", "--set-separator", "--shifts", "--stem",
              "--subtype", "--min-stem-quality"]  # fmt: skip
    tone = ["--to", "--from", "--transition", "--paired", "--match", "--transport", "--amount",
            "--backend", "--weights", "--set", "--protect", "--tail"]  # fmt: skip
    training = ["--device", "--gradient-checkpointing", "--half", "--inversion-steps", "--json",
                "--offline", "--out", "--prompt", "--rank", "--rate", "--resume", "--seconds",
                "--seed", "--steps", "--unconditional-rank", "--unconditional-steps", "--variant",
                "--weights"]  # fmt: skip
    model = ["--adapter", "--angle", "--interpolation", "--lora", "--paper-faithful"]
    repairing = ["--like", "--steps", "--set-step", "--set-bound", "--speed", "--extend",
                 "--anyway", "--inside"]  # fmt: skip
    planned = sorted([*common, *tone, *model, "--chunk", "--uniform"])
    assert got == {
        "morph": sorted([*planned, "--dry-run"]),
        "separate": sorted([*common, "--dry-run"]),
        "preview": sorted([*planned, "--at"]),
        "plan": sorted([*planned, *repairing, "--for"]),
        "doctor": ["--json", "--out"],
        "verify": ["--address", "--executor", "--json", "--workers"],
        "status": ["--json"],
        "tones": ["--json"],
        "separators": ["--json"],
        "backends": ["--json"],
        "manifest show": ["--json"],
        "manifest failed": ["--json"],
        "manifest compact": ["--json"],
        "models list": ["--json"],
        "models fetch": ["--json", "--offline"],
        "models verify": ["--json"],
        "models path": ["--json"],
        "lora train": sorted([*training, "--source", "--target"]),
        "lora train-many": sorted([*training, "--address", "--executor", "--gpus-per-worker",
                                   "--workers"]),
        "lora show": ["--json"],
        "amount": ["--json", "--out", "--picture", "--separator", "--stem", "--work"],
        "match": ["--budget", "--json", "--out", "--seed"],
        "evaluate": ["--address", "--backend", "--captures", "--cdpam", "--executor", "--force",
                     "--json", "--out", "--pairs", "--seconds", "--steps", "--task", "--workers"],
        "generate": ["--address", "--audio", "--channels", "--commercial-only", "--device",
                     "--dry-run", "--example", "--executor", "--export", "--gpus-per-worker",
                     "--json", "--max-failures", "--min-stem-quality", "--new", "--offline",
                     "--out", "--recipe", "--render", "--section", "--separator", "--set-separator",
                     "--shifts", "--stem", "--timeout", "--work", "--workers"],
        "restore": sorted({*planned, *repairing, "--bag", "--dry-run", "--revert"}
                          - {"--from", "--transition", "--paired", "--match", "--transport",
                             "--tail", "--format", "--subtype"}),
        "stops": ["--at", "--backend", "--from", "--json", "--out", "--seconds", "--separator",
                  "--steps", "--to"],
        "live check": ["--amount", "--block", "--from", "--json", "--seconds", "--to"],
        "listen make": ["--amount", "--backend", "--items", "--json", "--out", "--question",
                        "--seconds", "--seed"],
        "listen serve": ["--consent", "--headphone-check", "--host", "--i-know", "--json",
                         "--new-token", "--port", "--url"],
        "listen score": ["--json", "--out", "--test"],
    }  # fmt: skip


def test_what_morph_takes_plan_and_preview_take_and_separate_what_concerns_it() -> None:
    got = options_by_command()
    settings = {
        flag
        for name, (_, option) in setting_options().items()
        for flag in (
            [f"--{value}" for value in option.flags]
            or [option.flag or f"--{name}".replace("_", "-")]
        )
    } | {f"--{name}".replace("_", "-") for name in BACKEND_OPTIONS}
    for command in ("morph", "plan", "preview"):
        assert set(got["morph"]) - set(got[command]) <= {"--dry-run"}
        assert settings - set(got[command]) == set()
    separating = {name for name, (_, option) in setting_options().items() if option.in_separate}
    assert separating >= set(inspect.signature(Demucs).parameters) & set(setting_options())
    flags = {f"--{name}".replace("_", "-") for name in separating - {"separator_options"}}
    assert {*got["separate"]} & settings == flags | {"--set-separator"}


@pytest.mark.parametrize("command", ["morph", "plan", "preview"])
def test_every_setting_reaches_the_jobs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    seen: list[Settings] = []

    def look(jobs, *arguments, **options):
        seen.extend(job.settings for job in jobs)
        raise SettingError("seen")

    monkeypatch.setattr("morphsep.run.settle_jobs", look)
    monkeypatch.setattr("morphsep.run.plan", look)
    monkeypatch.setattr(
        "morphsep.run.cut_inputs",
        lambda names, out, settings, at: look([SimpleNamespace(settings=settings)]),
    )
    arguments = [
        "--to",
        "fuzz",
        "--from",
        "clean",
        "--match",
        "--amount",
        "0.5",
        "--separator",
        "demucs:htdemucs",
        "--shifts",
        "2",
        "--set-separator",
        "overlap=0.5",
        "--stem",
        "x.guitar.wav",
        "--backend",
        "diffusion",
        "--weights",
        "w",
        "--lora",
        "none",
        "--adapter",
        "a",
        "--angle",
        "frame",
        "--interpolation",
        "lerp",
        "--paper-faithful",
        "--set",
        "steps=3",
        "--chunk",
        "5",
        "--section",
        "60",
        "--no-uniform",
        "--format",
        "flac",
        "--subtype",
        "PCM_24",
        "--channels",
        "2,1",
        "--device",
        "cpu",
        "--seed",
        "3",
        "--offline",
    ]
    with pytest.raises(SettingError, match="seen"):
        app(
            [command, str(tmp_path / "x.wav"), "-o", str(tmp_path / "out"), *arguments],
            standalone_mode=False,
        )
    assert seen == [
        Settings(
            to="fuzz", from_="clean", recording="match", amount="0.5", separator="demucs:htdemucs",
            separator_options=(("overlap", "0.5"),), stem="x.guitar.wav", backend="diffusion",
            options=(
                ("adapter", "a"), ("angle", "frame"), ("interpolation", "lerp"), ("lora", "none"),
                ("paper_faithful", "yes"), ("steps", "3"), ("weights", "w"),
            ),
            chunk=5.0, section=60.0, uniform=False, format="flac", subtype="PCM_24",
            channels=(1, 0), device="cpu", shifts=2, seed=3, offline=True,
        )
    ]  # fmt: skip


def test_a_backends_option_with_a_flag_is_one_that_a_backend_has() -> None:
    backends = [row["name"] for row in describe_plugins("backend")]
    for option in BACKEND_OPTIONS:
        assert any(has_option("backend", name, option) for name in backends), option


@pytest.mark.parametrize("share", [SHARE, RESTORE_SHARE])
def test_every_stage_that_tells_of_itself_has_its_part_of_the_bar(share) -> None:
    stages = get_args(get_type_hints(Event)["stage"])
    assert tuple(share) == stages[-len(share) :]
    assert set(stages) == {*SHARE, *RESTORE_SHARE}
    ends = [end for part in share.values() for end in part]
    assert (ends[0], ends[-1]) == (0.0, 1.0)
    assert ends[1:-1:2] == ends[2::2]


@pytest.mark.parametrize(
    ("words", "completed"),
    [("morphsep mo", {"morph", "models"}), ("morphsep morph --set", {"--set", "--set-separator"})],
)
def test_the_shell_completes_commands_and_options(words: str, completed: set[str]) -> None:
    asking = {
        "_MORPHSEP_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "import sys; sys.argv = ['morphsep']; from morphsep.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asking, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == completed


def test_a_song_from_start_to_end(tmp_path: Path) -> None:
    songs.song(tmp_path / "in", 6.0)
    songs.song(tmp_path / "in" / "b", 6.0)
    out = tmp_path / "out"
    command = ("morph", tmp_path / "in", "-o", out, "--to", "distortion", "--no-uniform",
               "--amount", "0:00=0 0:05=1", "--stem", "{stem}.guitar.wav")  # fmt: skip
    own_process = [sys.executable, "-m", "morphsep", *map(str, command)]
    done = subprocess.run(own_process, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "done" in done.stdout
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("song.wav")) == [
        "b/song.wav",
        "song.wav",
    ]
    assert invoke("verify", out).returncode == 0
    assert {row.separator_reason for row in manifest.read_tracks(out)} == {"stem: --stem was given"}
    shown = as_json("manifest", "show", out)
    assert [(row["track"], row["status"]) for row in shown] == [
        ("b/song.wav", "ok"),
        ("song.wav", "ok"),
    ]
    again = as_json(*command)
    assert (again["done"], again["skipped"], again["failed"]) == (0, 2, 0)


def test_exit_codes(tmp_path: Path) -> None:
    songs.write(tmp_path / "in" / "good.wav", songs.guitar(1.0))
    (tmp_path / "in" / "bad.wav").write_text("no")
    tail = ("-o", tmp_path / "out", "--to", "fuzz", "--separator", "none")
    assert invoke("morph", tmp_path / "in" / "good.wav", *tail).returncode == 0
    assert invoke("morph", tmp_path / "in", *tail).returncode == 2
    assert invoke("morph", tmp_path / "in" / "bad.wav", *tail).returncode == 3
    assert invoke("morph", tmp_path / "in", *tail, "--nonsense").returncode == 1
    failed = invoke("manifest", "failed", tmp_path / "out")
    assert "bad.wav  not_audio: " in failed.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingError("no"), 1),
        (StorageError("away"), 3),
        (ClusterLostError("lost"), 3),
        (OSError("full"), 3),
    ],
)
def test_what_ends_a_command_says_whose_fault_it_is(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(**options: object) -> None:
        raise error

    monkeypatch.setattr("morphsep.cli.app.app", command)
    found, sentence = cli._run()
    assert found == code
    assert str(error) in (sentence or "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "fuz"], "did you mean 'fuzz'"),
        (["--to", "fuzz", "--amount", "2"], "between 0 and 1"),
        (["--to", "fuzz", "--chunk", "3"], "between 5 and 10"),
        (["--to", "fuzz", "--section", "2"], "at least one chunk"),
        (["--to", "fuzz", "--backend", "spectra"], "Did you mean spectral"),
        (["--to", "fuzz", "--separator", "demux"], "Did you mean demucs"),
        (["--to", "fuzz", "--separator", "stem"], "needs --stem"),
        (["--to", "fuzz", "--stem", "x.wav", "--separator", "demucs"], "cannot be demucs"),
        (["--to", "fuzz", "--stem", "{nonsense}.wav"], "nonsense"),
        (["--to", "fuzz", "--executor", "slurm"], "no executor 'slurm'"),
        (["--to", "fuzz", "--channels", "1"], "--channels"),
        (["--to", "fuzz", "--format", "mp3"], "mp3"),
        (["--to", "fuzz", "--backend", "chain", "--set", "foo"], "NAME=VALUE, such as foo=1"),
        (["--to", "fuzz", "--backend", "chain", "--set", "=1"], "NAME=VALUE"),
        (["--to", "fuzz", "--device", "abacus"], "abacus"),
        (["--transition", "clean-to-loud"], "clean-to-loud"),
        ([], "--to"),
    ],
)
def test_a_bad_setting_stops_the_run_before_it_starts(tmp_path, arguments, says) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(0.2))
    tail = (
        arguments
        if "--separator" in arguments or "--stem" in arguments
        else [*arguments, "--separator", "none"]
    )
    done = invoke("morph", tmp_path / "x.wav", "-o", tmp_path / "out", *tail)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_version() -> None:
    from importlib.metadata import version

    assert invoke("--version").stdout.strip() == version("morphsep")


def test_plan_touches_nothing(tmp_path: Path) -> None:
    songs.song(tmp_path / "in", 20.0)
    (tmp_path / "in" / "bad.wav").write_text("no")
    planned = as_json(
        "plan",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "--stem",
        "{stem}.guitar.wav",
        "--chunk",
        "5",
    )
    assert (planned["files"], planned["readable"], planned["chunks"]) == (2, 1, 5)
    assert planned["hours"] == pytest.approx(20 / 3600)
    assert planned["hours_of_work"] > 0
    assert len(planned["problems"]) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["morph", "separate"])
def test_a_dry_run_is_the_plan(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    songs.song(tmp_path / "in", 6.0)
    (tmp_path / "in" / "bad.wav").write_text("no")
    common = [str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--separator", "harmonic"]
    tone = ["--to", "fuzz", "--amount", "0.5"] if command == "morph" else []
    app([command, *common, *tone, "--dry-run"], standalone_mode=False)
    said = capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    app(["plan", *common, *tone], standalone_mode=False)
    planned = capsys.readouterr().out
    if command == "morph":
        assert said == planned
    else:
        assert planned.splitlines()[0] == said.splitlines()[0]
        assert "separator harmonic (2)\n" in said
        assert "backend" not in said
    assert "bad.wav" in said


def test_a_plan_of_what_is_not_there_says_that_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(["plan", str(tmp_path / "nosuch"), "--separator", "none"], standalone_mode=False)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("problem")
    assert "nosuch" in first
    assert "none;" not in "".join(rest)


def test_a_preview_past_the_end_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(2.0))
    for at, warned in (("0:02", True), ("0:01", False)):
        caplog.clear()
        app(["preview", str(tmp_path / "x.wav"), "-o", str(tmp_path / "out"), "--to", "fuzz",
             "--separator", "none", "--at", at], standalone_mode=False)  # fmt: skip
        assert any("ends at 2.00 s" in text for text in caplog.messages) == warned


def test_preview_is_twenty_seconds_beside_what_it_was(tmp_path: Path) -> None:
    songs.song(tmp_path / "in", 30.0)
    out = tmp_path / "out"
    done = invoke("preview", tmp_path / "in" / "song.wav", "-o", out, "--to", "chorus",
                    "--at", "0:05", "--stem", "{stem}.guitar.wav")  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, after = songs.read(out / "before" / "song.wav"), songs.read(out / "song.wav")
    assert before.shape == after.shape == (2, 20 * 44100)
    assert (before == songs.read(tmp_path / "in" / "song.wav")[:, 5 * 44100 : 25 * 44100]).all()
    assert (before != after).any()


def test_separate(tmp_path: Path) -> None:
    songs.song(tmp_path / "in", 3.0)
    done = invoke(
        "separate", tmp_path / "in" / "song.wav", "-o", tmp_path / "out", "--separator", "harmonic"
    )
    assert done.returncode == 0, done.stderr
    (row,) = manifest.read_tracks(tmp_path / "out")
    assert (row.output, row.backing) == ("song.guitar.wav", "song.backing.wav")
    assert row.output_subtype == "FLOAT"
    assert invoke("verify", tmp_path / "out").returncode == 0


def test_what_there_is_can_be_listed() -> None:
    assert {t["name"] for t in as_json("tones")["tones"]} >= {
        "clean",
        "distortion",
        "chorus",
        "as-recorded",
    }
    separators = as_json("separators")
    assert {s["name"] for s in separators} >= {"demucs", "harmonic", "none", "stem"}
    assert "not stated" not in {s["licence"] for s in separators}
    backends = as_json("backends")
    assert {b["name"] for b in backends} >= {"chain", "spectral", "crossfade", "vocoder"}
    assert all(b["licence"] and b["description"] for b in backends)
    assert "htdemucs_6s" in {m["name"] for m in as_json("models", "list")}


def test_models_that_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MORPHSEP_WEIGHTS", "HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    done = invoke("models", "fetch", "--offline")
    assert done.returncode == 1
    assert "offline" in done.stderr
    assert invoke("models", "path").stdout.startswith(str(tmp_path / "cache"))
    assert invoke("models", "verify").returncode == 1


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("libatomic.so.1: cannot open shared object file", "libatomic1"),
        ("No module named 'pedalboard'", "pip install"),
    ],
)
def test_doctor_says_what_the_effects_lack(
    monkeypatch: pytest.MonkeyPatch, said: str, remedy: str
) -> None:
    from morphsep.cli import doctor

    class Refuses(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "pedalboard":
                raise ImportError(said)

    monkeypatch.delitem(sys.modules, "pedalboard", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refuses(), *sys.meta_path])
    check = next(each for each in doctor.checks() if each.what == "effects")
    assert check.state == "missing"
    assert said in check.found
    assert remedy in check.remedy


def test_doctor_names_a_remedy_for_everything_that_is_not_well(tmp_path: Path) -> None:
    done = invoke("doctor", "-o", tmp_path, "--json")
    checks = json.loads(done.stdout)
    assert {c["what"] for c in checks} >= {
        "Python",
        "decoders",
        "separator weights",
        "device",
        "output folder",
    }
    assert all(c["remedy"] for c in checks if c["state"] != "ok")


def test_the_folder_of_verify_must_hold_a_manifest(tmp_path: Path) -> None:
    done = invoke("verify", tmp_path)
    assert done.returncode == 1
    assert "no manifest" in done.stderr
