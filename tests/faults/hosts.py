"""Machines of their own on this one, a cluster of them, and what befalls cables and power.

    with Hosts() as hosts:
        hosts.begin()
        run = hosts.morph(songs, out, "--separator", "slow")
        other = hosts.add()                   # and `ray start` there
        other.lose_power()

A host has its own network (one cable to a switch), processes, name and folder of Ray; disks are
shared, as over NFS. None of it is seen in this machine's own network, and it goes with its first
process. Needs root, and Debian's iproute2 and util-linux.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.faults.disasters import PATIENCE, Cluster, children

NETWORK = "10.77.0"
PORT = 6379
FIRST_PROCESS = 'if [ "$0" ]; then hostname "$0"; fi && echo up && while sleep 60; do :; done'
"""Of a host: a shell, because it reaps."""
START_TRIES = 3
"""Of `ray start`: where all cores are busy, a node may take longer than Ray waits for it."""


class UnavailableError(Exception):
    """There can be no hosts here, says why."""


class CommandError(Exception):
    """A command has failed, says how."""


def _do(*command: str, env: Mapping[str, str] | None = None) -> str:
    """What a command has printed.

    Raises:
        UnavailableError: there is no such command.
        CommandError: it has failed.
    """
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
    except FileNotFoundError as error:
        raise UnavailableError(f"not installed: {command[0]}") from error
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@contextmanager
def required() -> Iterator[None]:
    """What fails within is something that this machine cannot do."""
    try:
        yield
    except CommandError as error:
        raise UnavailableError(str(error)) from error


class Space:
    """Namespaces, and a process that keeps them.

    Args:
        spaces: options of `unshare`.

    Raises:
        UnavailableError: there can be none here.
    """

    def __init__(self, *spaces: str, name: str = "") -> None:
        # they end with the tests, however those end
        begin = ["setpriv", "--pdeathsig", "KILL", "unshare", *spaces, "--fork", "--kill-child"]
        try:
            self.keeper = subprocess.Popen(
                [*begin, "sh", "-c", FIRST_PROCESS, name], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise UnavailableError(f"not installed: {begin[0]}") from error
        said = self.keeper.stdout.readline() if self.keeper.stdout else ""
        if said != "up\n":
            self.end()
            raise UnavailableError(f"unshare {' '.join(spaces)}: {said.strip()}")
        self.first = children(self.keeper.pid)[0]

    def end(self) -> None:
        """Ends whatever runs in it."""
        with self.keeper:
            self.keeper.kill()


class Host:
    """A machine, without Ray at first.

    Args:
        folder: for Ray's files.
        switch: what its cable leads to.
    """

    def __init__(self, number: int, folder: Path, switch: Space) -> None:
        self.name = f"host{number}"
        self.address = f"{NETWORK}.{number}"
        self._folder = folder
        self._switch = switch
        self.space = Space("--net", "--uts", "--pid", "--mount", "--mount-proc", name=self.name)
        cable = ("type", "veth", "peer", "name", "eth0", "netns", str(self.space.first))
        self._at_switch("add", self.name, *cable)
        self._at_switch("set", self.name, "master", "lan", "up")
        self.do("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("eth0", "lo"):
            self.do("ip", "link", "set", link, "up")

    def _at_switch(self, *command: str) -> None:
        _do(*at_switch(self._switch), *command)

    def entered(self) -> list[str]:
        """What stands before a command that runs there."""
        space = ("-t", str(self.space.first), "-n", "-u", "-p", "-m")
        return ["nsenter", *space, "env", f"RAY_TMPDIR={self._folder}"]

    def do(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        """What a command has printed there."""
        return _do(*self.entered(), *command, env=env)

    def pull_cable(self) -> None:
        """Nobody reaches it, nor it anybody: no connection is closed by that."""
        self._at_switch("set", self.name, "down")

    def plug_in_again(self) -> None:
        """After `pull_cable`."""
        self._at_switch("set", self.name, "up")

    def lose_power(self) -> None:
        """All its processes end in a moment, and say nothing to anybody."""
        self.pull_cable()
        self.space.end()


def at_switch(switch: Space) -> list[str]:
    """What stands before what `ip link` does there."""
    return ["nsenter", "-t", str(switch.first), "-n", "ip", "link"]


class Hosts(Cluster):
    """A cluster of hosts; the first is its head.

    Args:
        workers: hosts besides the head.
        cpus: of each, as far as Ray knows.
        more: of the environment.
    """

    def __init__(
        self, *, workers: int = 1, cpus: int = 2, more: Mapping[str, str] | None = None
    ) -> None:
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.urandom(16).hex()}
        super().__init__(token | dict(more or {}))
        for name in [name for name in self.environment if name.startswith("RAY_health_check")]:
            del self.environment[name]  # as where nobody has changed it
        self._ends = ExitStack()
        self._ends.callback(self.remove_folders)
        self._workers = workers
        self._cpus = cpus
        self.address = f"{NETWORK}.1:{PORT}"
        self.hosts: list[Host] = []
        self.driver = 0
        """The host on which commands run."""

    def begin(self) -> None:
        """Starts all of it.

        Raises:
            UnavailableError: there can be no hosts here.
        """
        try:
            self._switch = Space("--net", "--pid")
            self._ends.callback(self._switch.end)
            with required():
                _do(*at_switch(self._switch), "add", "lan", "type", "bridge")
                _do(*at_switch(self._switch), "set", "lan", "up")
            for _ in range(1 + self._workers):
                self.add()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """The power fails everywhere."""
        self._ends.close()

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def add(self) -> Host:
        """Another host comes, and joins; the first is the head."""
        number = len(self.hosts) + 1
        with required():
            host = Host(number, self._home / str(number), self._switch)
        self._ends.callback(host.space.end)
        self.hosts.append(host)
        role = ["--head", f"--port={PORT}", "--include-dashboard=false"]
        if number > 1:
            role = [f"--address={self.address}"]
        shape = (f"--num-cpus={self._cpus}", f"--object-store-memory={80 << 20}")
        start = ("start", *role, f"--node-ip-address={host.address}", *shape)
        for left in reversed(range(START_TRIES)):
            try:
                self.ray(host, *start)
                break
            except CommandError:
                if not left:
                    raise
                self.ray(host, "stop", "--force")
        return host

    def ray(self, host: Host, *command: str) -> str:
        """What Ray's own command has printed there."""
        return host.do(str(Path(sys.executable).with_name("ray")), *command, env=self.environment)

    def drain(self, host: Host) -> None:
        """Ray is told that a host is about to go: no new workers are started there."""
        script = (
            f"import ray; ray.init({self.address!r}, log_to_driver=False, logging_level=50);"
            "print(*[node['NodeID'] for node in ray.nodes()"
            f" if node['NodeManagerAddress'] == {host.address!r}])"
        )
        python = [*self.on_driver(), sys.executable, "-c", script]
        node = _do(*python, env=self.environment).split()[-1]
        why = ("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "it goes")
        head = ("--address", self.address)
        self.ray(host, "drain-node", *head, "--node-id", node, *why)

    def on_driver(self) -> list[str]:
        """What stands before a command that runs where drivers do."""
        return self.hosts[self.driver].entered()

    def processes(self) -> list[int]:
        """All processes of all hosts."""
        return [pid for host in self.hosts for pid in children(host.space.keeper.pid)]
