"""Promise 4 on a cluster of mixed CPUs: whoever works on which section, the sound is the same to
1e-6 RMS. One worker's libraries are told that its CPU is an older one."""

from __future__ import annotations

import itertools
import json
import operator
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsep.pipelines import REPROCESS
from morphsep.request.inputs import collect
from morphsep.request.settings import make_settings
from morphsep.run.driver import run
from morphsep.run.executors import Pool, Steps
from morphsep.run.jobs import settle_jobs
from morphsep.run.verification import verify
from morphsep.stages import kind_of_cpu
from tests import songs
from tests.checkpoints import write_htdemucs
from tests.roformer_checkpoints import write_roformer

SAME = 1e-6


def older() -> dict[str, str]:
    """The environment of a process that makes no use of what newer CPUs can do."""
    config: Any = np.show_config(mode="dicts")
    found = config["SIMD Extensions"].get("found", [])
    return {
        "NPY_DISABLE_CPU_FEATURES": " ".join(found), "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41",
    }  # fmt: skip


@pytest.fixture(scope="module")
def workers() -> Iterator[list[ProcessPoolExecutor]]:
    """One worker with this machine's CPU, one with an older one, each a process of its own."""
    with ExitStack() as stack:
        found = []
        for more in ({}, older()):
            worker = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            stack.enter_context(worker)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("OMP_NUM_THREADS", "1")
                for name, value in more.items():
                    patch.setenv(name, value)
                worker.submit(os.getpid).result()  # the process is started now
            found.append(worker)
        kinds = [worker.submit(kind_of_cpu).result() for worker in found]
        if kinds[0] == kinds[1]:
            pytest.skip("this machine's libraries know one kind of CPU only")
        yield found


@pytest.fixture
def shared(workers: list[ProcessPoolExecutor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stage of every section is done by the other worker than the one before."""
    turns = itertools.cycle(workers)

    def execute(steps: Steps, records: Sequence[Any], pool: Pool) -> Iterator[Any]:
        if not steps:
            yield from records
            return
        for record in records:
            following = next(turns).submit(operator.call, steps[0].call, record).result()
            yield from execute(steps[1:], following, pool)

    monkeypatch.setattr("morphsep.run.driver.get_executor", lambda name: execute)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a song, a model, and what was separated for one backend and serves all."""
    found = tmp_path_factory.mktemp("mixed")
    songs.song(found, 11.0, 48000, 2, "FLOAT")
    write_htdemucs(found / "model", kind="safetensors")
    write_roformer(found / "roformer")
    return found


def go(folder: Path, out: Path, settings: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """The samples of the result, and the kinds of CPU that its row names."""
    chosen = make_settings(to="distortion", amount=0.5, section=5, chunk=5, **settings)
    jobs = settle_jobs(collect([str(folder / "song.wav")], out, chosen))
    (row,) = run(jobs, out, REPROCESS, executor="ray").done
    return songs.read(out / row.track), json.loads(row.versions)["cpu"]


def check(folder: Path, request: pytest.FixtureRequest, separator: str, **settings: Any) -> None:
    named = {"stem": {"stem": "{stem}.guitar.wav"},
             "demucs": {"separator": f"demucs:{folder / 'model'}"},
             "roformer": {"separator": f"roformer:{folder / 'roformer'}"}}  # fmt: skip
    settings |= named.get(separator, {"separator": separator})
    with pytest.MonkeyPatch.context() as patch:
        from morphsep.run.executors import local

        patch.setattr("morphsep.run.driver.get_executor", lambda name: local.run)
        plain, kinds = go(folder, folder / f"{separator}-plain", settings)
    assert kinds == [kind_of_cpu()]
    request.getfixturevalue("shared")
    out = folder / f"{separator}-mixed"
    mixed, kinds = go(folder, out, settings)
    assert len(kinds) == 2
    assert np.sqrt(np.mean((mixed - plain) ** 2)) <= SAME
    assert verify(out) == (1, [])


def test_sections_of_one_song_on_two_kinds_of_cpu(
    folder: Path, request: pytest.FixtureRequest
) -> None:
    check(folder, request, "harmonic", backend="spectral", uniform=False)


@pytest.mark.slow
@pytest.mark.parametrize("separator", ["stem", "harmonic", "embedded", "demucs", "roformer"])
@pytest.mark.parametrize("backend", ["chain", "spectral", "vocoder", "crossfade"])
def test_every_separator_and_backend_on_two_kinds_of_cpu(
    folder: Path, request: pytest.FixtureRequest, separator: str, backend: str
) -> None:
    check(folder, request, separator, backend=backend)
