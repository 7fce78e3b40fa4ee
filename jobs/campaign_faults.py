"""Kills workers, nodes, drivers and heads at random on clusters of three nodes, and looks at the
rest.

    OMP_NUM_THREADS=1 python -m jobs.campaign_faults [--kills 50] [--minutes 15] [--seed 0]
        [--of morph generate]

In rounds, by turns of `morph` and of `generate`: a batch of short songs is begun with a small,
randomly initialised Demucs, and killed at until it is done. The same command follows a killed
driver, one that was told to end (SIGINT or SIGTERM: it has to end with 130), and, on another
cluster, one whose head was killed (with 3 and a sentence). Then the results are compared with those
of a quiet run: songs byte for byte where all nodes have one kind of CPU, else to 1e-6 RMS; shards
of data sets byte for byte. Printed: a Markdown table. Ends with 1 if anything was not as it should.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.disasters import Nodes, Note, Run

SECONDS_APART = (0.3, 3.0)
"""Between two kills, at random."""
PER_ROUND = 30
WANTED = ("worker",) * 7 + ("node", "driver", "told", "head")
"""What is struck at, at random; each but workers once a round: all else would never end."""
ENDS = {"told": ("interrupted", 130), "head": ("the cluster was lost", 3)}
"""What a driver says then, and ends with."""
SONGS, SECONDS = 5, 19.0
MOST_OF_ONE = 2
"""Times that one section's worker is killed: after three, a section is given up, as it should."""


RECIPE = """
clip_seconds: 3
splits: {train: 0.5, test: 0.5}
render:
  - ladder: {from: clean, to: fuzz, steps: 4}
  - chains: {per_clip: 2, pedals: [{Drive: {drive_db: [0, 30]}}]}
"""
AT_LENGTH = ("separate", "morph", "render")
COMMANDS = ("morph", "generate")


@dataclass(kw_only=True)
class Round:
    """What was done to a batch, and what came of it."""

    command: str
    kills: Counter[str] = field(default_factory=Counter)
    struck: set[str] = field(default_factory=set)
    seconds: float = 0.0
    tracks: int = 0
    retries: int = 0
    wrong: list[str] = field(default_factory=list)
    """Files that are not those of a quiet run, rows too many or too few, leftovers, findings."""


def make_songs(folder: Path) -> None:
    """Synthesised songs, and a Demucs of random weights."""
    from tests import songs
    from tests.checkpoints import write_htdemucs

    for seed in range(SONGS):
        mix = songs.guitar(SECONDS, seed=seed) + songs.backing(SECONDS, seed=seed)
        name = f"{seed}.{'flac' if seed % 2 else 'wav'}"
        songs.write(folder / "in" / name, mix, subtype="PCM_24")
    write_htdemucs(folder / "model")
    (folder / "recipe.yaml").write_text(RECIPE, encoding="utf-8")


def arguments(command: str, folder: Path) -> list[str]:
    """Of every run of a command, quiet or not."""
    separator = ["--separator", f"demucs:{folder / 'model'}"]
    if command == "generate":
        return [*separator, "--recipe", str(folder / "recipe.yaml")]
    return [*separator, "--backend", "spectral", "--no-uniform"]


def run_quietly(command: str, nodes: Nodes, folder: Path) -> None:
    """The run that the others are held against, here and undisturbed."""
    from tests.faults import disasters

    start = disasters.generate if command == "generate" else disasters.morph
    out, given = folder / f"reference-{command}", arguments(command, folder)
    quiet = start(nodes.environment, folder / "in", out, *given, "--executor", "local")
    assert quiet.wait(600) == 0, quiet.said


def strike(nodes: Nodes, run: Run, dice: random.Random, done: Round) -> Run | None:
    """Kills someone who is at work. Returns the next run if this one has ended by that."""
    from tests.faults.disasters import alive, kill, notes

    wanted = dice.choice([one for one in WANTED if one == "worker" or one not in done.struck])
    living = [note for note in notes(run.out) if alive(note.pid)]
    at_work = [note for note in living if note.tries <= MOST_OF_ONE]
    if wanted == "node":  # which takes all that is at work there
        at_work = [note for note in at_work if nodes.is_on_worker_node(note.pid)]
    if not at_work or (wanted == "node" and any(note.tries > MOST_OF_ONE for note in living)):
        return None
    done.struck.add(wanted)
    if wanted in ("driver", "told", "head"):
        end(nodes, run, done, wanted, dice.choice((signal.SIGINT, signal.SIGTERM)))
        return begin(done.command, nodes, run.out)
    note = dice.choice(at_work)
    if wanted == "node":
        nodes.replace(note.pid)
        done.kills["node"] += 1
    elif kill(note.pid):
        done.kills[kind(note)] += 1
    return None


def end(nodes: Nodes, run: Run, done: Round, wanted: str, how: signal.Signals) -> None:
    """Ends the driver, or has it end."""
    from tests.faults.disasters import kill

    if wanted == "driver":
        run.end()
        done.kills["driver"] += 1
        return
    if wanted == "head":
        nodes.lose_head()
    else:
        kill(run.process.pid, how)
    code = run.wait(600)
    sentence, right = ENDS[wanted]
    if code == right and sentence in run.said and "Traceback" not in run.said:
        done.kills[f"{wanted}, ended with {right}"] += 1
    elif code == 0:
        done.kills[f"{wanted}, but all was done"] += 1
    else:
        done.wrong.append(f"{wanted}, ended with {code}: {run.said[-2000:]}")
    if wanted == "head":
        nodes.start_again()


def begin(command: str, nodes: Nodes, out: Path) -> Run:
    """The command, always the same."""
    start = nodes.generate if command == "generate" else nodes.morph
    return start(out.parent / "in", out, *arguments(command, out.parent), "--workers", "4")


def kind(note: Note) -> str:
    """Of a worker, by what it did."""
    return f"{note.stage if note.stage in AT_LENGTH else 'task'} worker"


def play(command: str, nodes: Nodes, out: Path, dice: random.Random, most: int) -> Round:
    """One round."""
    from morphsep import manifest

    done, began = Round(command=command), time.monotonic()
    run = begin(command, nodes, out)
    run.caught("prepare", "measure", *AT_LENGTH)
    while run.process.poll() is None and sum(done.kills.values()) < most:
        run = strike(nodes, run, dice, done) or run
        pause = time.monotonic() + dice.uniform(*SECONDS_APART)
        while run.process.poll() is None and time.monotonic() < pause:
            time.sleep(0.02)
    code = run.wait(600)
    rows = manifest.read_tracks(out)
    done.seconds, done.tracks = time.monotonic() - began, len(rows)
    done.retries = sum(row.retries for row in rows)
    done.wrong += wrong(command, out)
    done.wrong += [f"exit code {code}: {run.said[-2000:]}"] if code else []
    return done


def wrong(command: str, out: Path) -> list[str]:
    """What is not as a quiet run has left it, and what ``morphsep verify`` finds."""
    from morphsep import dataset
    from morphsep.run import verify
    from morphsep.storage import location
    from tests.faults.disasters import differences, differing_shards

    reference = out.parent / f"reference-{command}"
    if command == "morph":
        return [*differences(out, reference), *map(str, verify(out)[1])]
    found = dataset.verify(location(out), dataset.Running())[1]
    return [*differing_shards(out, reference), *found]


def table(rounds: list[Round], leaks: list[str]) -> str:
    """The summary, as Markdown."""
    kills: Counter[str] = sum((one.kills for one in rounds), Counter())
    wrong = [text for one in rounds for text in one.wrong]
    commands = Counter(one.command for one in rounds)
    facts: dict[str, Any] = {f"rounds of {name}": count for name, count in commands.items()}
    facts["kills"] = sum(kills.values())
    facts |= {f"... of them: {name}": count for name, count in sorted(kills.items())}
    facts |= {
        "songs": sum(one.tracks for one in rounds),
        "rows per input": "1" if all(one.tracks == SONGS for one in rounds) else "not 1",
        "sections tried again, by the rows": sum(one.retries for one in rounds),
        "outputs the same, one row each, verified, nothing left over": (
            "yes" if not wrong else f"no: {len(wrong)} findings"
        ),
        "processes, CPUs and objects leaked": len(leaks),
        "minutes": f"{sum(one.seconds for one in rounds) / 60:.0f}",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())])


def main() -> None:
    """Plays rounds until there were enough kills, or the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no round after this")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--of", nargs="+", choices=COMMANDS, default=COMMANDS)
    chosen = parser.parse_args()
    from tests.faults.disasters import Nodes

    with tempfile.TemporaryDirectory(prefix="campaign-") as name, Nodes() as nodes:
        rounds = list(campaign(nodes, Path(name), chosen))
        leaks = nodes.leaks()
    print(table(rounds, leaks))
    raise SystemExit(bool(leaks or any(one.wrong for one in rounds)))


def campaign(nodes: Nodes, folder: Path, chosen: argparse.Namespace) -> Iterator[Round]:
    """Rounds of each command by turns."""
    dice, end, kills = random.Random(chosen.seed), time.monotonic() + chosen.minutes * 60, 0
    make_songs(folder)
    for command in chosen.of:
        run_quietly(command, nodes, folder)
    for number, command in enumerate(cycle(chosen.of)):
        if kills >= chosen.kills or time.monotonic() > end:
            return
        most = min(chosen.kills - kills, PER_ROUND)
        done = play(command, nodes, folder / f"out{number}", dice, most)
        print(f"round {number + 1}: {done}", file=sys.stderr, flush=True)
        kills += done.kills.total()
        yield done


if __name__ == "__main__":
    main()
