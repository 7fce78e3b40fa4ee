"""Train, export and measure ``embedded``, the separator whose weights ship with the package.

    apt-get install fluidsynth
    apt-get download fluid-soundfont-gm musescore-general-soundfont sonic-pi-samples \\
        timgm6mb-soundfont csound-soundfont avldrums.lv2-soundfont \\
        fretsonfire-songs-muldjord fretsonfire-songs-sectoid
    for deb in *.deb; do dpkg -x "$deb" unpacked; done
    python -m jobs.train_separator prepare unpacked songs
    python -m jobs.train_separator train unpacked songs runs/1
    python -m jobs.train_separator export runs/1
    python -m jobs.train_separator evaluate unpacked songs

Every step but the last resumes where it stopped. `jobs.train_separator.studio` says which packages
are for training and which for evaluation only; docs/explanation/built-in-separators.md names their
licences.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DEMO = Path(__file__).resolve().parents[2] / "demo"
COUNTS = {"validation": 10, "train": 170, "test": 14}
"""Songs in each split, of 30 s and six stems each."""


def prepare(options: argparse.Namespace) -> None:
    """Render the songs of all splits."""
    from jobs.train_separator.data import prepare as render

    for split, count in COUNTS.items():
        render(options.unpacked, options.songs, split, count, options.workers)


def train(options: argparse.Namespace) -> None:
    """Train until the schedule ends; resume an earlier run."""
    from jobs.train_separator.config import Config
    from jobs.train_separator.loop import start

    config = Config(
        minutes=options.minutes, seed=options.seed, steps=options.steps, rate=options.rate,
        recorded=options.recorded, begun=options.begun,
    )  # fmt: skip
    start(options.unpacked, options.songs, options.run, config, options.ranks)


def export(options: argparse.Namespace) -> None:
    """Write the moving average of the last weights into the package, and the curves. The last, not
    the best: the learning rate ends at zero, and 32 validation mixes are too few to choose by (they
    once ranked a model of 150 steps first that left 9 dB more of music without guitar).

    Raises:
        SystemExit: the schedule has not ended.
    """
    import torch
    from safetensors.torch import save_file

    from jobs.train_separator.loop import progress
    from morphsep.separators.embedded.embedded import WEIGHTS

    training: dict[str, Any] = torch.load(options.run / "state.pt", weights_only=True)
    settings = (options.run / "config.json").read_text()
    config = json.loads(settings)
    done = progress(training["step"], training["elapsed"], config["steps"], config["minutes"])
    if done < 1:
        raise SystemExit(f"{options.run}: the schedule has not ended; run train again to resume.")
    state = training["average"]
    half = {k: v.half().contiguous() if v.is_floating_point() else v for k, v in state.items()}
    target = options.weights or WEIGHTS
    save_file(half, target, metadata={"config": settings})
    print(f"{target}: {target.stat().st_size} bytes")
    curves(options.run / "log.jsonl", options.run / "curves.png")


def curves(log: Path, picture: Path) -> None:
    """Plot loss and validation over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [row["step"] for row in rows]
    figure, panels = pyplot.subplots(3, 1, figsize=(8, 9), sharex=True)
    panels[0].plot(steps, [row["loss"] for row in rows])
    panels[0].set_ylabel("training loss")
    panels[1].plot(steps, [row["median"] for row in rows], label="median")
    low, high = ([row[key] for row in rows] for key in ("q25", "q75"))
    panels[1].fill_between(steps, low, high, alpha=0.2, label="quartiles")
    panels[1].axhline(0, color="grey", linewidth=0.5)
    panels[1].set_ylabel("validation: SI-SDR improvement, dB")
    panels[1].legend()
    panels[2].plot(steps, [row["leakage"] for row in rows])
    panels[2].set_ylabel("validation: leakage, dB")
    panels[2].set_xlabel("step")
    figure.tight_layout()
    figure.savefig(picture, dpi=100)
    print(picture)


def evaluate(options: argparse.Namespace) -> None:
    """Print the tables of docs/reference/separators.md."""
    from jobs.train_separator.figures import report

    report(options.unpacked, options.songs, DEMO, options.methods.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for action in (prepare, train, export, evaluate):
        command = commands.add_parser(action.__name__, help=(action.__doc__ or "").strip())
        command.set_defaults(action=action)
        if action is not export:
            command.add_argument("unpacked", type=Path, help="where the packages were unpacked")
            command.add_argument("songs", type=Path, help="folder of the rendered songs")
        if action in (train, export):
            command.add_argument("run", type=Path, help="folder of this training")
        if action is prepare:
            command.add_argument("--workers", type=int, default=2)
        if action is train:
            _add_schedule(command)
        if action is export:
            command.add_argument("--weights", type=Path, help="instead of the package's file")
        if action is evaluate:
            command.add_argument("--methods", default="mix,band-pass,harmonic,embedded,oracle")
    return parser


def _add_schedule(command: argparse.ArgumentParser) -> None:
    command.add_argument("--minutes", type=float, default=80.0, help="of the schedule")
    command.add_argument("--steps", type=int, default=20_000, help="of the schedule")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--rate", type=float, default=2e-3, help="initial learning rate")
    command.add_argument(
        "--recorded", type=float, default=0.0, metavar="SHARE",
        help="of sectoid's guitars in training: not for weights evaluated on them",
    )  # fmt: skip
    command.add_argument(
        "--from", dest="begun", default="", metavar="RUN", help="start from its weights"
    )
    command.add_argument("--ranks", type=int, default=2)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    options.action(options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
