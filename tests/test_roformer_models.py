"""RoFormers that are known by name: listed, never fetched, found where a user has put them."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import morphsep
from morphsep import models
from morphsep.cli import doctor
from morphsep.errors import SettingError
from morphsep.models import roformers, weights
from morphsep.morphing import forget, settle
from morphsep.request import collect, make_settings
from morphsep.run import plan, settle_jobs
from morphsep.separators import auto
from morphsep.separators.roformer import RoFormer
from morphsep.storage import location
from tests import songs
from tests.commands import invoke
from tests.object_store import ObjectStore
from tests.roformer_checkpoints import write_roformer

SW = "bs-roformer-sw"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights on a machine without a network."""
    for name in ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("MORPHSEP_OFFLINE", "1")
    return tmp_path / "weights"


@pytest.fixture
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model under the name of the best, with the checksum that is known of that."""
    found = write_roformer(folder / SW)
    known(monkeypatch, hashlib.sha256((found / "model.ckpt").read_bytes()).hexdigest())
    return found


def known(monkeypatch: pytest.MonkeyPatch, sha256: str) -> None:
    table = dict(roformers.ROFORMERS)
    table[SW] = replace(table[SW], sha256=sha256)
    for module in ("weights", "roformer_files", "roformers"):
        monkeypatch.setattr(f"morphsep.models.{module}.ROFORMERS", table)


def test_each_is_listed_with_where_it_is_and_under_which_terms() -> None:
    listed = {m["name"]: m for m in json.loads(invoke("models", "list", "--json").stdout)}
    assert list(models.ROFORMERS) == [name for name in listed if not listed[name]["is_fetched"]]
    for name, known in models.ROFORMERS.items():
        assert listed[name]["page"].startswith("https://")
        assert listed[name]["licence"] == known.licence
        assert (listed[name]["path"], listed[name]["num_bytes"]) == (None, None)
        assert listed[name]["published_bytes"] > 10_000_000
        assert set(listed[name]["sha256"]) <= set("0123456789abcdef")
    lines = invoke("models", "list").stdout
    assert f"not here, not fetched: {models.ROFORMERS[SW].file} (699 MB, sha256 24e7d35e" in lines
    assert "none stated" in lines


@pytest.mark.parametrize("name", list(models.ROFORMERS))
def test_none_is_fetched_and_it_says_where_it_is_kept(name: str) -> None:
    for refused in (
        lambda: weights.fetch(name),
        lambda: weights.resolve(name),
        lambda: RoFormer(name),
        lambda: models.resolve_roformer(name),
    ):
        with pytest.raises(SettingError, match="morphsep does not fetch it") as caught:
            refused()
        assert models.ROFORMERS[name].page in str(caught.value)
    assert not weights.reachable(name)


def test_what_a_user_has_put_there_is_found_and_checked(here: Path, folder: Path) -> None:
    assert models.roformers_here() == (SW,)
    assert (weights.path(SW), weights.available(SW)) == (here, True)
    assert [path.name for path in weights.verify(SW)] == ["model.ckpt", "config.yaml"]
    assert RoFormer(SW).fingerprint() == RoFormer(str(here)).fingerprint()
    assert weights.fetch(SW) == here
    (here / "model.ckpt").write_bytes(b"exchanged")
    assert models.roformers_here() == ()
    for refused in (lambda: weights.verify(SW), RoFormer(SW).load):
        with pytest.raises(SettingError, match="damaged or exchanged"):
            refused()
    (here / "model.ckpt").unlink()
    assert not weights.available(SW)


def test_provenance_is_told_by_the_checksum_and_goes_into_the_manifest(
    here: Path, tmp_path: Path
) -> None:
    anywhere = Path(shutil.copytree(here, tmp_path / "anywhere"))
    licence = RoFormer(str(anywhere)).weights_licence
    assert licence.startswith(f"{SW} (https://")
    assert "none stated" in licence
    other = write_roformer(tmp_path / "other", seed=1)
    song = songs.song(tmp_path, 3.0)
    for model, said in ((anywhere, licence), (other, RoFormer(str(other)).weights_licence)):
        out = tmp_path / f"out-{model.name}"
        row = morphsep.separate_file(song, out, separator=f"roformer:{model}")
        assert row.weights_licence == said
        assert row.weights_hash == hashlib.sha256((model / "model.ckpt").read_bytes()).hexdigest()
    assert "not known to morphsep" in said
    row = morphsep.separate_file(song, tmp_path / "none", separator="none")
    assert (row.weights_licence, row.weights_hash) == (None, None)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")


def test_auto_takes_one_only_with_a_gpu_and_says_so(
    here: Path, request: pytest.FixtureRequest
) -> None:
    choice = auto.choose_separator(offline=True)
    assert choice.name == "embedded"
    assert choice.reason.endswith(f"roformer:{SW} is here, too, but no GPU")
    request.getfixturevalue("gpu")
    choice = auto.choose_separator(offline=True)
    assert choice.name == f"roformer:{SW}"
    assert "a GPU" in choice.reason
    shutil.rmtree(here)
    assert auto.choose_separator(offline=True).name == "embedded"


@pytest.mark.usefixtures("here", "gpu")
def test_auto_asks_for_the_device_that_the_run_has() -> None:
    forget()
    gpu, cpu = (make_settings(to="fuzz", device=device) for device in ("auto", "cpu"))
    assert settle(gpu)[0].separator == f"roformer:{SW}"
    settled, reason = settle(cpu)
    assert settled.separator == "embedded"
    assert reason.endswith("not meant for --device cpu")
    assert settle(gpu)[0].separator == f"roformer:{SW}"


@pytest.mark.usefixtures("here", "gpu")
def test_auto_takes_none_for_a_cluster_whose_machines_do_not_fetch_it(tmp_path: Path) -> None:
    song = songs.write(tmp_path / "in" / "x.wav", songs.guitar(0.3))
    jobs = collect([str(song)], tmp_path / "out", make_settings(to="fuzz"))
    for on_cluster, name in ((True, "embedded"), (False, f"roformer:{SW}")):
        (job,) = settle_jobs(jobs, on_cluster)
        assert job.settings.separator == name
        planned = plan(jobs, tmp_path / "out", on_cluster=on_cluster)
        assert planned.separators == {name: 1}
    (job,) = settle_jobs(jobs, on_cluster=True)
    assert "the run goes to a cluster" in job.separator_reason


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize("sha256", ["", "0" * 64, "0" * 16])
def test_auto_takes_none_whose_weights_are_not_the_published_ones(
    here: Path, monkeypatch: pytest.MonkeyPatch, sha256: str
) -> None:
    known(monkeypatch, sha256)
    assert models.roformers_here() == ()
    assert auto.choose_separator(offline=True).name == "embedded"


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(
    ("demucs", "least", "name"),
    [
        (True, models.DEMUCS_SDR - 0.2, "demucs"),
        (False, models.DEMUCS_SDR - 0.2, f"roformer:{SW}"),
        (True, models.DEMUCS_SDR + 0.2, f"roformer:{SW}"),
    ],
)
def test_models_are_ranked_by_the_least_that_is_published(
    here: Path, monkeypatch: pytest.MonkeyPatch, demucs: bool, least: float, name: str
) -> None:
    monkeypatch.setattr(models, "available", lambda model: demucs)
    table = {SW: replace(models.ROFORMERS[SW], sdr=(least, 9.9))}
    monkeypatch.setattr(models, "ROFORMERS", table)
    assert auto.choose_separator(offline=True).name == name


def test_the_best_is_named_first() -> None:
    ranges = [known.sdr for known in models.ROFORMERS.values()]
    assert ranges == sorted(ranges, reverse=True)
    assert all(least <= most for least, most in ranges)


@pytest.mark.parametrize(
    ("has_gpu", "present", "demucs", "state", "said"),
    [
        (False, False, True, "ok", "demucs: the weights of htdemucs_6s are on this machine"),
        (False, True, True, "ok", "wants a GPU"),
        (True, False, True, "limited", "with this GPU a RoFormer gives up to 9.01"),
        (True, True, True, "ok", f"roformer:{SW}: its weights and a GPU are on this machine"),
        (False, False, False, "limited", "embedded: the weights of htdemucs_6s are not on this"),
        (True, False, False, "limited", "embedded: the weights of htdemucs_6s are not on this"),
        (False, True, False, "limited", f"roformer:{SW} is here, too, but no GPU"),
        (True, True, False, "ok", f"roformer:{SW}: its weights and a GPU are on this machine"),
    ],
)
def test_doctor_says_what_auto_takes_and_what_would_be_better(
    here: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch,
    has_gpu: bool, present: bool, demucs: bool, state: str, said: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(models, "available", lambda model: demucs)
    if has_gpu:
        request.getfixturevalue("gpu")
    if not present:
        shutil.rmtree(here)
    (check,) = [each for each in doctor.checks() if each.what == "guitar stems"]
    assert check.state == state
    assert said in check.found
    assert check.found.startswith(auto.choose_separator().reason)
    assert bool(check.remedy) == (state == "limited")
    assert ("MVSep's 30 tracks" in check.found) == (not check.found.startswith("embedded"))


def test_a_model_in_a_bucket_is_copied_here_first(
    tmp_path: Path, folder: Path, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MORPHSEP_OFFLINE")
    model = write_roformer(tmp_path / "model")
    for file in model.iterdir():
        location(store.url(f"models/own/{file.name}")).write_bytes(file.read_bytes())
    separator = RoFormer(f"{store.url('models/own')}:guitar")
    assert separator.fingerprint() == RoFormer(str(model)).fingerprint()
    assert separator._files().files[0].is_relative_to(folder)


def test_a_single_file_in_a_bucket_is_refused_before_it_is_copied(
    folder: Path, store: ObjectStore
) -> None:
    for file in ("model.ckpt", "config.yaml"):
        with pytest.raises(SettingError, match="name the folder that holds it"):
            RoFormer(f"{store.url('models/own')}/{file}:guitar")
    assert not folder.exists()


def test_nothing_vouches_for_weights_of_which_no_checksum_is_known(here: Path) -> None:
    """Nor for a yaml: of none a checksum is published."""
    name = next(name for name, known in models.ROFORMERS.items() if not known.sha256)
    other = write_roformer(here.parent / name, seed=1)
    lines = invoke("models", "verify", SW).stdout.splitlines()
    assert lines == [f"ok {here}/model.ckpt", f"no checksum is known of {here}/config.yaml"]
    said = json.loads(invoke("models", "verify", name, "--json").stdout)
    assert said["unchecked"] == said["files"] == [f"{other}/model.ckpt", f"{other}/config.yaml"]
    assert "ok" not in invoke("models", "verify", name).stdout.split()
    licence = RoFormer(name).weights_licence
    assert licence.startswith(f"found under the name {name}, not checked")
    assert models.roformers_here() == (SW,)
    assert "not known" in RoFormer(str(other)).weights_licence


def test_the_first_digits_of_a_checksum_are_not_shown_as_all() -> None:
    lines = invoke("models", "list").stdout
    for known in models.ROFORMERS.values():
        if known.sha256:
            shown = known.sha256 + ("" if len(known.sha256) == 64 else "...")
            assert f"sha256 {shown})" in lines
