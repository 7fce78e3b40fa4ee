"""A cluster of three nodes on one machine, runs on it, and what can be done to them.

    with Nodes(folder) as nodes:
        run = nodes.morph(songs, out, "--separator", "harmonic")
        note = run.caught("separate")         # some worker is at it now
        kill(note.pid)
        assert run.wait() == 0

Used by the tests beside this and by `jobs.campaign_faults`. Every run is a process of its own, as
a user starts it. Who works on what is read from the notes that workers leave in the work directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from morphsep import manifest
from morphsep.manifest import TrackRow
from morphsep.storage.files import TEMPORARY, digest_file
from morphsep.storage.locations import Location, location
from tests import songs

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("Kills", "Aborts", "Hangs", "Slow", "Hungry")
GEOMETRY = ("--to", "distortion", "--amount", "0.5", "--section", "6", "--chunk", "5")
PATIENCE = 240.0
"""Seconds that anything may take here before the test gives up."""
OF_RAY = re.compile("IDLE|Agent")
"""Processes that a cluster keeps between runs."""
KEPT = {"scans", "stems", "surveys", "claims", "lock", "run.json"}
"""What may stay in a work directory when a run has ended; in a bucket there is no lock."""


def plugins(folder: Path) -> Path:
    """Installs the separators of `troublemakers` into `folder`, for whoever has it on its path."""
    info = folder / "troublemakers-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: troublemakers\nVersion: 0\n")
    points = [f"{name.lower()} = tests.faults.troublemakers:{name}" for name in PLUGINS]
    (info / "entry_points.txt").write_text("\n".join(["[morphsep.separators]", *points]) + "\n")
    return folder


def environment(plugin_folder: Path) -> dict[str, str]:
    """Of every process here: one thread, so that sums are rounded alike; our separators."""
    path = os.pathsep.join(filter(None, [str(plugin_folder), str(ROOT), os.getenv("PYTHONPATH")]))
    own = {
        "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "PYTHONWARNINGS": "ignore",
        "RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_DEDUP_LOGS": "0",
        # a node that was killed is noticed after three seconds instead of a quarter of a minute
        "RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3",
    }  # fmt: skip
    inherited = {k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS",)}
    return inherited | own


def kill(pid: int, how: signal.Signals = signal.SIGKILL) -> bool:
    """Whether there was such a process."""
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return False
    return True


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Process ids of a process's children, and theirs."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += [int(child), *children(int(child))]
    return found


def title(pid: int) -> str:
    """What a process calls itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Somebody is at work."""

    place: Location
    stage: str
    start: int
    tries: int
    host: str
    pid: int

    def stays(self) -> bool:
        """Whether the worker has not come to an end of it."""
        found = _read(self.place)
        return found is not None and found.pid == self.pid


def notes(work: Path | Location) -> Iterator[Note]:
    """What is being worked on."""
    for place in (location(work) / ".morphsep" / "tries").walk():
        if place.name.endswith(".json") and (note := _read(place)) is not None:
            yield note


def _read(place: Location) -> Note | None:
    try:
        values = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    host, _, pid = values["worker"].rpartition(":")
    stage, start, tries = (values[name] for name in ("stage", "start", "tries"))
    return Note(place=place, stage=stage, start=start, tries=tries, host=host, pid=int(pid))


class Run:
    """A command line at work.

    Args:
        out: the output folder, if it is on this machine.
        work: the folder around the work directory, wherever it is.
    """

    def __init__(
        self, command: list[str], out: Path, env: Mapping[str, str], work: Location
    ) -> None:
        self.out = out
        self.work = work
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `wait`
        self.process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=self._log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self.said = ""

    def caught(self, *stages: str, tries: int = 1) -> Note:
        """Waits until somebody is at one of these stages, and says who."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = [n for n in notes(self.work) if n.stage in stages and n.tries <= tries]
            if found:
                return random.choice(found)
            assert self.process.poll() is None, f"ended before a {stages}: {self.end()}"
            time.sleep(0.003)
        raise AssertionError(f"nobody came to {stages}: {self.end()}")

    def strike(self, *stages: str) -> Note:
        """Kills a worker that is at one of these stages, and makes sure that it was."""
        while True:
            note = self.caught(*stages)
            kill(note.pid)
            gone(note.pid)
            if note.stays():
                return note

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            working = [(n.stage, n.start, n.tries, title(n.pid)) for n in notes(self.work)]
            raise AssertionError(f"never ended; at work: {working}; {self.end()}") from error
        self.end()
        return self.process.returncode

    def end(self) -> str:
        """Kills the driver if it is still there, and returns what it has said."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not self._log.closed:
            self._log.seek(0)
            self.said = self._log.read()
            self._log.close()
        return self.said


def gone(*pids: int, seconds: float = 20.0) -> None:
    """Waits until processes are dead."""
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {[title(pid) for pid in pids]}"
        time.sleep(0.005)


class Cluster:
    """What all clusters here have in common: their environment, runs on them, what they hold."""

    address = ""

    def __init__(self, more: Mapping[str, str] | None = None) -> None:
        self._plugins = plugins(Path(tempfile.mkdtemp(prefix="mfp")))
        self._home = Path(tempfile.mkdtemp(prefix="mf"))  # Ray's sockets need a short path
        self.environment = environment(self._plugins) | dict(more or {})

    def remove_folders(self) -> None:
        """The last thing to do."""
        for folder in (self._home, self._plugins):
            shutil.rmtree(folder, ignore_errors=True)

    def on_driver(self) -> list[str]:
        """What stands before a command that runs where drivers do."""
        return []

    def morph(self, inputs: Path | str, out: Path | str, *more: str) -> Run:
        """``morphsep morph`` on this cluster."""
        ray = ("--executor", "ray", "--address", self.address)
        return morph(self.environment, inputs, out, *ray, *more, before=self.on_driver())

    def generate(self, inputs: Path | str, out: Path, *more: str) -> Run:
        """``morphsep generate`` on this cluster."""
        ray = ("--executor", "ray", "--address", self.address)
        return generate(self.environment, inputs, out, *ray, *more, before=self.on_driver())

    def processes(self) -> list[int]:
        """All processes below the nodes' raylets."""
        raise NotImplementedError

    def busy(self) -> list[str]:
        """Workers that hold on to something of a run."""
        titles = [title(pid) for pid in self.processes()]
        return [text for text in titles if text.startswith("ray::") and not OF_RAY.search(text)]

    def held(self) -> dict[str, float]:
        """Resources of the cluster that somebody has not given back, object store included."""
        script = (
            "import json, ray; ray.init(%r, log_to_driver=False, logging_level=50);"
            "a = ray.available_resources();"
            "print(json.dumps({k: v - a.get(k, 0) for k, v in ray.cluster_resources().items()}))"
        )
        done = subprocess.run(
            [*self.on_driver(), sys.executable, "-c", script % self.address],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        held: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return {name: amount for name, amount in held.items() if amount > 0}

    def leaks(self, seconds: float = 30.0) -> list[str]:
        """What the cluster still has of runs that have ended, after some time to let go."""
        deadline = time.monotonic() + seconds
        while True:
            held = [] if (found := self.busy()) else self.held().items()
            found += [f"{name}: {amount:g}" for name, amount in held]
            if not found or time.monotonic() > deadline:
                return found
            time.sleep(0.2)


class Nodes(Cluster):
    """A head and two workers, each with CPUs of its own as far as Ray knows."""

    def __init__(
        self,
        *,
        object_store: int = 80 << 20,
        cpus: int = 2,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(more)
        self._shape: dict[str, Any] = {"num_cpus": cpus, "object_store_memory": object_store}
        self._is_headless = False

    @contextlib.contextmanager
    def _inherited(self) -> Iterator[None]:
        """What is started meanwhile gets the nodes' environment."""
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environment)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def __enter__(self) -> Nodes:
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        self.remove_folders()

    def start_again(self) -> None:
        """Another cluster comes in its place."""
        self._stop()
        self._start()

    def _start(self) -> None:
        with self._inherited():
            from ray.cluster_utils import Cluster

            self._cluster = Cluster()
            head: dict[str, Any] = {"include_dashboard": False, "temp_dir": str(self._home)}
            self._cluster.add_node(**self._shape, **head)
            for _ in range(2):
                self._cluster.add_node(**self._shape)
        self.address = str(self._cluster.address)
        self._is_headless = False

    def _stop(self) -> None:
        left = self.processes()
        with self._inherited():
            self._cluster.shutdown()
        for pid in left if self._is_headless else ():
            kill(pid)  # nobody tells them
        gone(*left)

    def replace(self, pid: int) -> None:
        """The power fails on the node where `pid` runs; another node comes in its place."""
        for node in self._cluster.worker_nodes:
            raylets = [info.process.pid for info in node.all_processes["raylet"]]
            if any(pid in children(raylet) for raylet in raylets):
                break
        else:
            raise LookupError(f"{pid} is on the head, which has the driver")
        doomed = [*raylets, *(child for raylet in raylets for child in children(raylet))]
        for one in doomed:
            kill(one)
        with self._inherited():
            self._cluster.remove_node(node, allow_graceful=False)
            self._cluster.add_node(**self._shape)

    def add(self) -> Any:
        """Another node comes."""
        with self._inherited():
            return self._cluster.add_node(**self._shape)

    def remove(self, node: Any) -> None:
        """A node goes in order, as after `ray stop`."""
        with self._inherited():
            self._cluster.remove_node(node, allow_graceful=True)

    def lose_head(self) -> None:
        """The power fails on the head, but not for the driver."""
        head: Any = self._cluster.head_node
        pids = [info.process.pid for infos in head.all_processes.values() for info in infos]
        for pid in [*pids, *(child for one in pids for child in children(one))]:
            kill(pid)
        self._is_headless = True

    def is_on_worker_node(self, pid: int) -> bool:
        """Whether the node of a process may be killed."""
        return any(self.is_on(node, pid) for node in self._cluster.worker_nodes)

    def is_on(self, node: Any, pid: int) -> bool:
        """Whether a process is one of a node's."""
        return any(pid in children(info.process.pid) for info in node.all_processes["raylet"])

    def processes(self) -> list[int]:
        """All processes below the nodes' raylets."""
        found = []
        for node in self._cluster.list_all_nodes():
            for info in node.all_processes.get("raylet", []):
                found += children(info.process.pid)
        return found


def morph(
    env: Mapping[str, str],
    inputs: Path | str,
    out: Path | str,
    *more: str,
    before: Iterable[str] = (),
) -> Run:
    """``morphsep morph`` in a process of its own."""
    command = [*before, sys.executable, "-m", "morphsep", "morph", str(inputs), "-o", str(out)]
    work = location(more[more.index("--work") + 1] if "--work" in more else out)
    return Run([*command, *GEOMETRY, "--json", *more], Path(out), env, work)


def generate(
    env: Mapping[str, str], inputs: Path | str, out: Path, *more: str, before: Iterable[str] = ()
) -> Run:
    """``morphsep generate`` in a process of its own."""
    command = [*before, sys.executable, "-m", "morphsep", "generate", str(inputs), "-o", str(out)]
    return Run([*command, "--json", *more], out, env, location(out))


def differing_shards(out: Path, reference: Path) -> list[str]:
    """In what a data set is not what an undisturbed run has left."""
    rows = manifest.read_tracks(out)
    found = [f"{row.track}: {row.status} {row.message}" for row in rows if row.status != "ok"]
    made, wanted = (
        {file.name: digest_file(file) for file in (folder / "data").glob("*")}
        for folder in (out, reference)
    )
    if made != wanted:
        names = sorted({*made, *wanted})
        found += [f"{name} is another" for name in names if made.get(name) != wanted.get(name)]
    return found + leftovers(out)


def differences(out: Path, reference: Path) -> list[str]:
    """In what a folder of results is not what an undisturbed run has left."""
    rows, wanted = manifest.read_tracks(out), manifest.read_tracks(reference)
    found = [f"{row.track}: {row.status} {row.message}" for row in rows if row.status != "ok"]
    if [row.track for row in rows] != [row.track for row in wanted]:
        found.append(f"rows for {[row.track for row in rows]}")
    for row in wanted:
        if not (out / row.track).is_file():
            found.append(f"{row.track} is not there")
        elif not _same(out, reference, row.track, one_kind=len(_cpus([*rows, *wanted])) == 1):
            found.append(f"{row.track} is another")
    return found + leftovers(out)


def _cpus(rows: Iterable[TrackRow]) -> set[str]:
    """Kinds of CPU that have had a hand in any of these."""
    return {cpu for row in rows for cpu in json.loads(row.versions or "{}").get("cpu", [])}


def _same(out: Path, reference: Path, name: str, one_kind: bool) -> bool:
    """Whether two results are the same: byte for byte where all machines are of one kind, else to
    1e-6 RMS (design, promise 4), and what an integer format rounds."""
    if digest_file(out / name) == digest_file(reference / name):
        return True
    if one_kind or soundfile.info(out / name).frames != soundfile.info(reference / name).frames:
        return False
    subtype = soundfile.info(reference / name).subtype
    bits = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(subtype)
    apart = songs.read(out / name) - songs.read(reference / name)
    beyond = np.maximum(np.abs(apart) - (2.0 ** (1 - bits) if bits else 0.0), 0)
    return bool(np.sqrt(np.mean(beyond**2)) <= 1e-6)


def leftovers(out: Path) -> list[str]:
    """Files in a folder of results that nobody needs any more."""
    work = out / ".morphsep"
    halves = [str(path) for path in out.rglob(TEMPORARY)]
    return halves + [
        str(path)
        for top in work.iterdir()
        if top.name not in KEPT
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file()
    ]
