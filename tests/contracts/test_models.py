"""The design's promises, over the backends that are models: with random weights, as published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import morphsep
from morphsep.run.verification import verify
from tests import songs

pytestmark = pytest.mark.usefixtures("one_thread")


SLOW = (pytest.mark.slow, pytest.mark.timeout(3600))


@pytest.fixture(scope="module", params=["diffusion", pytest.param("music2latent", marks=SLOW)])
def model(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Settings that name a backend and its weights: tiny for diffusion, full-size else."""
    pytest.importorskip({"diffusion": "diffusers"}.get(request.param, request.param))
    if request.param == "diffusion":
        from tests.tiny_audioldm2 import write_tiny_audioldm2

        weights = write_tiny_audioldm2(tmp_path_factory.mktemp("audioldm2"))
        options = (("steps", "2"), ("weights", str(weights)))
    else:
        from tests.music2latent_checkpoints import checkpoint

        options = (("weights", str(checkpoint())),)
    return {"backend": request.param, "options": options, "separator": "none"}


def test_promises_1_to_3_and_5_to_7(tmp_path: Path, model: dict[str, Any]) -> None:
    path = songs.song(tmp_path, 11.0, 48000, 2, "PCM_24")
    row = morphsep.morph_file(
        path, tmp_path / "out", to="distortion", amount="0:00=0 0:05=0 0:08=1", chunk=5, **model
    )
    got, given = soundfile.info(tmp_path / "out" / row.output), soundfile.info(path)
    for name in ("frames", "samplerate", "channels", "format", "subtype"):
        assert getattr(got, name) == getattr(given, name)
    before, after = songs.read(path), songs.read(tmp_path / "out" / row.output)
    untouched = slice(0, round(4.6 * 48000))
    gain = 10 ** (row.gain_db / 20)
    assert np.abs(after[:, untouched] - gain * before[:, untouched]).max() <= 2.0**-23
    assert np.abs(after[:, -96000:] - gain * before[:, -96000:]).max() > 1e-3
    assert verify(tmp_path / "out") == (1, [])


def test_the_result_does_not_depend_on_the_sections(tmp_path: Path, model: dict[str, Any]) -> None:
    path = songs.song(tmp_path, 11.0, 44100, 1, "FLOAT")
    results = []
    for section in (300.0, 5.0):
        out = tmp_path / f"out-{section}"
        row = morphsep.morph_file(
            path, out, to="chorus", amount=0.5, chunk=5, section=section, **model
        )
        results.append(songs.read(out / row.output))
    assert np.sqrt(np.mean((results[0] - results[1]) ** 2)) <= 1e-6
    assert np.abs(results[0] - songs.read(path)).max() > 1e-3


@pytest.mark.slow  # the tiny model is in test_executors
@pytest.mark.ray
@pytest.mark.filterwarnings("default")  # Ray warns of its own deprecations
def test_both_executors_agree(tmp_path: Path, model: dict[str, Any]) -> None:
    from morphsep.pipelines import REPROCESS
    from morphsep.request.inputs import collect
    from morphsep.request.settings import make_settings
    from morphsep.run.driver import run
    from morphsep.run.jobs import settle_jobs

    path = songs.song(tmp_path / "in", 6.0, channels=1)
    settings = make_settings(to="overdrive", amount=0.5, chunk=5, **model)
    results = []
    for executor in ("local", "ray"):
        out = tmp_path / executor
        (outcome,) = run(
            settle_jobs(collect([str(path)], out, settings)), out, REPROCESS, executor=executor
        ).outcomes
        assert outcome.row.status == "ok", outcome.row.message
        results.append(songs.read(out / outcome.row.output))
    assert np.abs(results[0] - results[1]).max() <= 2.0**-15
