"""What lies in jobs/ to be submitted, and a real submission to a real (local) Ray cluster."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from morphsep import manifest
from morphsep.run.verification import verify
from tests import songs

ROOT = Path(__file__).resolve().parent.parent
SUBMITTABLE = {"reprocess": "morph", "separate": "separate"}


@pytest.mark.parametrize(("job", "command"), SUBMITTABLE.items())
def test_a_job_takes_what_the_command_takes(job: str, command: str) -> None:
    def help_of(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments, "--help"], capture_output=True, text=True, cwd=ROOT,
            env=os.environ | {"COLUMNS": "100"}, check=True,
        )  # fmt: skip
        return done.stdout.partition("\n\n")[2]

    assert help_of(f"jobs/{job}.py") == help_of("-m", "morphsep", command)


@pytest.mark.parametrize("job", SUBMITTABLE)
def test_a_jobs_own_defaults_can_be_overridden(job: str, tmp_path: Path) -> None:
    songs.write(tmp_path / "x.wav", songs.guitar(0.3))
    arguments = ["x.wav", "-o", "out", "--separator", "none", "--executor", "local", "--json"]
    arguments += ["--to", "fuzz"] if job == "reprocess" else []
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / f"{job}.py"), *arguments],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["tracks"]
    assert row["status"] == "ok"


@pytest.mark.parametrize("job", SUBMITTABLE)
def test_a_job_runs_on_ray_unless_told_otherwise(job: str, tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('this is where ray would be loaded')\n")
    songs.write(tmp_path / "x.wav", songs.guitar(0.3))
    arguments = ["x.wav", "-o", "out", "--separator", "none"]
    arguments += ["--to", "fuzz"] if job == "reprocess" else []
    done = subprocess.run(
        [sys.executable, str(ROOT / "jobs" / f"{job}.py"), *arguments],
        capture_output=True, text=True, cwd=tmp_path, check=False,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "needs Ray" in done.stderr


def test_what_is_uploaded_is_small(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from ray._private.ray_constants import get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import create_package

    # a checkout with all that lies about in one: an environment, caches, results, a wheel
    checkout = tmp_path / "checkout"
    for name in ("morphsep", "pipelines", "jobs", "pyproject.toml", ".gitignore", ".rayignore"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name, symlinks=True)
        else:
            checkout.mkdir(exist_ok=True)
            shutil.copy(source, checkout / name)
    heavy = (".venv", ".cache", "tests/.checkpoints", ".git", "demo", "demo-out", "dist", "build",
             ".hypothesis", ".mypy_cache", ".ruff_cache", "morphsep.egg-info",
             "morphsep/__pycache__", "docs")  # fmt: skip
    for folder in heavy:
        (checkout / folder).mkdir(parents=True, exist_ok=True)
        (checkout / folder / "big.bin").write_bytes(secrets.token_bytes(100_000))
    package = tmp_path / "package.zip"
    create_package(
        str(checkout), package, include_gitignore=True, excludes=get_runtime_env_default_excludes()
    )
    names = zipfile.ZipFile(package).namelist()
    assert [name for name in names if name.endswith("big.bin")] == []
    assert {
        "jobs/reprocess.py",
        "morphsep/cli/app.py",
        "morphsep/pipelines/reprocess.py",
        "morphsep/tones/builtin/clean.yaml",
    } <= {*names}
    assert package.stat().st_size < 10_000_000


@dataclass
class Cluster:
    dashboard: str
    token: str


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head node as `cluster.yaml` starts one: dashboard on loopback, token asked for."""
    pytest.importorskip("ray")
    pytest.importorskip("aiohttp", reason="the dashboard needs ray[default]")
    # Ray's sockets need a short path
    home = Path(tempfile.mkdtemp(prefix="mj"))
    token = secrets.token_hex(16)
    (home / "token").write_text(token)
    gcs, dashboard, client, agent = free_ports(4)
    environment = os.environ | {
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(home / "token"),
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    environment.pop("RAY_ADDRESS", None)
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={gcs}",
        "--node-ip-address=127.0.0.1", f"--dashboard-port={dashboard}",
        f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}",
        f"--temp-dir={home / 'ray'}", "--num-cpus=2", "--num-gpus=0",
        "--object-store-memory=100000000",
    ]  # fmt: skip
    with (home / "log").open("w") as log:
        head = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        address = f"http://127.0.0.1:{dashboard}"
        wait_for(address, token, head, home / "log")
        yield Cluster(address, token)
    finally:
        # never `ray stop`: it would end every Ray cluster of this machine
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(head.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                head.wait(4)
        shutil.rmtree(home, ignore_errors=True)


def wait_for(address: str, token: str, head: subprocess.Popen[bytes], log: Path) -> None:
    import requests

    deadline = time.monotonic() + 120
    headers = {"Authorization": f"Bearer {token}"}
    while time.monotonic() < deadline and head.poll() is None:
        try:
            if requests.get(f"{address}/api/jobs/", headers=headers, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"no Ray cluster came up: {log.read_text()}")


@pytest.mark.slow  # a cluster of its own, with a dashboard
@pytest.mark.ray
def test_the_cluster_lets_nobody_in_without_its_token(cluster: Cluster) -> None:
    import requests

    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = requests.post(
            f"{cluster.dashboard}/api/jobs/",
            json={"entrypoint": "true"},
            headers=headers,
            timeout=9,
        )
        assert answer.status_code in (401, 403)


@pytest.mark.slow
@pytest.mark.ray
def test_a_job_is_submitted_and_done(cluster: Cluster, tmp_path: Path) -> None:
    from ray.job_submission import JobStatus, JobSubmissionClient

    songs.write(tmp_path / "in" / "a song.wav", songs.guitar(2.0))
    out = tmp_path / "out"
    client = JobSubmissionClient(
        cluster.dashboard, headers={"Authorization": f"Bearer {cluster.token}"}
    )
    # the job runs with the interpreter of the cluster, as `python` does in a cluster's environment
    job = client.submit_job(
        entrypoint=f"{sys.executable} jobs/reprocess.py {tmp_path / 'in'} -o {out} "
        "--to fuzz --separator none --no-uniform",
        runtime_env={"working_dir": str(ROOT)},
    )
    deadline = time.monotonic() + 240
    while not (status := client.get_job_status(job)).is_terminal():
        assert time.monotonic() < deadline, client.get_job_logs(job)
        time.sleep(1)
    assert status == JobStatus.SUCCEEDED, client.get_job_logs(job)
    # the job's driver was one of this cluster, not of a Ray that it started for itself
    drivers = [info for info in client.list_jobs() if info.submission_id == job]
    assert [info.driver_info is not None for info in drivers] == [True]
    (row,) = manifest.read_tracks(out)
    assert (row.track, row.status, row.output) == ("a song.wav", "ok", "a song.wav")
    assert verify(out) == (1, [])
    assert f"Ray's dashboard: {cluster.dashboard}" in client.get_job_logs(job)
