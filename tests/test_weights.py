"""Weights: found, fetched whole or not at all, checked; and no socket when offline."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from morphsep.errors import SettingError
from morphsep.models import weights
from morphsep.models.bags import legacy_files, published, read_folder
from morphsep.models.checksums import expected
from morphsep.models.download import any_answers, is_offline, probe_url
from morphsep.models.hub import probe_hub
from morphsep.models.licences import UNKNOWN
from morphsep.models.places import weights_dir
from morphsep.pipelines import REPROCESS
from morphsep.request import Settings, collect
from morphsep.run import run, settle_jobs
from morphsep.separators import auto
from morphsep.separators.demucs import Demucs
from tests import songs

SIX = "5c90dfd2"
CONTENT = bytes(range(256)) * 4096


HUB_PATH = f"/adefossez/HTDemucs-6s/resolve/{{revision}}/{SIX}.safetensors"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Host(ThreadingHTTPServer):
    """Serves `files` by path, and `hub` as the Hugging Face hub does; can break off and stall."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.break_after: list[int] = []
        self.stall_after: int | None = None
        self.short_by = 0
        self.hub: dict[str, tuple[bytes, str]] = {}
        """By path: what is served, and the checksum that is promised for it."""
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def downloads(self) -> list[tuple[str, str | None]]:
        """Requests that were more than the question whether somebody is there."""
        return [
            (path, wanted)
            for path, wanted in self.requests
            if wanted != "bytes=0-0" and not path.startswith("HEAD ")
        ]


class Handler(BaseHTTPRequestHandler):
    server: Host

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        """What the hub says of a file: of which commit it is, how large, and where it lies."""
        self.server.requests.append((f"HEAD {self.path}", None))
        path = self.path.replace(COMMIT, "{revision}").replace("/main/", "/{revision}/")
        if path not in self.server.hub:
            self.send_error(404)
            return
        content, promised = self.server.hub[path]
        self.send_response(302)
        elsewhere = f"http://localhost:{self.server.server_port}"  # as the hub's files do
        self.send_header("Location", f"{elsewhere}/blob{path.replace('{revision}', COMMIT)}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{promised}"')
        self.send_header("X-Linked-Size", str(len(content)))
        self.end_headers()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        content = self.server.files.get(self.path)
        if self.path.startswith("/blob"):
            path = self.path.removeprefix("/blob").replace(COMMIT, "{revision}")
            served = self.server.hub[path][0]
            content = served[: len(served) - self.server.short_by]
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')
        self.end_headers()
        if wanted != "bytes=0-0":
            self._send(content[start:])

    def _send(self, content: bytes) -> None:
        if self.server.break_after:
            self.wfile.write(content[: self.server.break_after.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif self.server.stall_after is not None:
            self.wfile.write(content[: self.server.stall_after])
            self.wfile.flush()
            time.sleep(60)
        else:
            self.wfile.write(content)


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, and no host but what a test names."""
    for name in ("MORPHSEP_OFFLINE", "HF_HUB_OFFLINE", "MORPHSEP_MODEL_URL", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def mirror(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setenv("MORPHSEP_MODEL_URL", host.url + "/")
    host.files[f"/htdemucs_6s/{SIX}.safetensors"] = CONTENT
    return host


@pytest.fixture
def hub(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The host as the Hugging Face hub, and as demucs' own site, which has nothing."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    monkeypatch.setattr("demucs.pretrained.ROOT_URL", host.url + "/old/")
    host.hub[HUB_PATH] = CONTENT, sha256(CONTENT)
    return host


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_knows_what_the_installed_demucs_knows() -> None:
    known = published()
    assert known["htdemucs_6s"].signatures == (SIX,)
    assert known["htdemucs_ft"].weights is not None
    assert len(known["htdemucs_ft"].signatures) == 4
    assert known["hdemucs_mmi"].segment == 44
    assert known[SIX].signatures == (SIX,)
    assert not any(name.endswith("_q") for name in known)
    assert legacy_files()[SIX] == "hybrid_transformer/5c90dfd2-34c22ccb.th"


def test_lists_models_with_their_hosts() -> None:
    models = weights.list_models()
    assert models[0].name == "htdemucs_6s"
    assert models[0].path is None
    assert models[0].num_bytes is None
    hub, old = models[0].urls
    assert hub.endswith(f"/adefossez/HTDemucs-6s/resolve/main/{SIX}.safetensors")
    assert old.endswith("/hybrid_transformer/5c90dfd2-34c22ccb.th")
    assert {"htdemucs", "htdemucs_ft", "hdemucs_mmi", "mdx", "mdx_extra"} <= {
        model.name for model in models
    }


def test_weights_dir_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MORPHSEP_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert weights.weights_dir() == Path("/somewhere/morphsep/weights")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert weights.weights_dir() == Path.home() / ".cache" / "morphsep" / "weights"


def test_fetches_records_and_verifies(mirror: Host, places: Path) -> None:
    assert not weights.available("htdemucs_6s")
    assert weights.path("htdemucs_6s") == places / "weights" / "htdemucs_6s"
    seen: list[tuple[int, int | None]] = []
    folder = weights.fetch("htdemucs_6s", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert folder == weights.path("htdemucs_6s") == places / "weights" / "htdemucs_6s"
    assert weights.available("htdemucs_6s")
    record = json.loads((folder / "checksums.json").read_text())
    assert record == {f"{SIX}.safetensors": sha256(CONTENT)}
    assert weights.hash_of("htdemucs_6s") == sha256(CONTENT)
    assert [file.name for file in weights.verify("htdemucs_6s")] == [f"{SIX}.safetensors"]
    # The folder is complete: it is a model by itself.
    assert read_folder(folder).recipe == published()["htdemucs_6s"]
    requests = len(mirror.requests)
    assert weights.fetch("htdemucs_6s") == folder
    assert len(mirror.requests) == requests


def test_a_mirror_may_have_the_older_format(mirror: Host) -> None:
    mirror.files = {"/htdemucs_6s/5c90dfd2-34c22ccb.th": CONTENT}
    with pytest.raises(SettingError, match="expected 34c22ccb"):
        weights.fetch("htdemucs_6s")
    assert not weights.available("htdemucs_6s")


def test_a_changed_file_is_noticed_and_fetched_again(mirror: Host) -> None:
    file = weights.fetch("htdemucs_6s") / f"{SIX}.safetensors"
    before = weights.hash_of("htdemucs_6s")
    file.write_bytes(CONTENT[:-1] + b"?")
    assert weights.hash_of("htdemucs_6s") != before
    with pytest.raises(SettingError, match="damaged or exchanged"):
        weights.verify("htdemucs_6s")
    with pytest.raises(SettingError, match="damaged or exchanged"):
        weights.fetch("htdemucs_6s", offline=True)
    weights.fetch("htdemucs_6s")
    assert file.read_bytes() == CONTENT
    weights.verify("htdemucs_6s")


def test_a_host_that_changes_a_file_is_not_trusted(mirror: Host) -> None:
    file = weights.fetch("htdemucs_6s") / f"{SIX}.safetensors"
    file.unlink()
    mirror.files[f"/htdemucs_6s/{SIX}.safetensors"] = CONTENT + b"more"
    with pytest.raises(SettingError, match="not kept"):
        weights.fetch("htdemucs_6s")
    kept = {path.name for path in file.parent.iterdir()}
    assert kept == {".lock", "checksums.json", "htdemucs_6s.yaml"}


def test_a_broken_connection_is_taken_up_where_it_broke(mirror: Host) -> None:
    mirror.break_after = [300_000, 200_000]
    folder = weights.fetch("htdemucs_6s")
    assert (folder / f"{SIX}.safetensors").read_bytes() == CONTENT
    assert [wanted for _, wanted in mirror.downloads()] == [
        None,
        "bytes=300000-",
        "bytes=500000-",
    ]


def test_attempts_are_bounded(mirror: Host) -> None:
    mirror.break_after = [10] * 100
    with pytest.raises(SettingError, match="after 4 attempts"):
        weights.fetch("htdemucs_6s")
    # Four for each of the two formats; the second is not there.
    assert len(mirror.downloads()) == 5
    assert not weights.available("htdemucs_6s")


def test_fetches_from_the_hub(hub: Host) -> None:
    assert weights.reachable("htdemucs_6s")
    seen: list[tuple[int, int | None]] = []
    folder = weights.fetch("htdemucs_6s", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen), "one file, reported once"
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert {path.name for path in folder.iterdir()} == {
        *(".lock", "checksums.json", "htdemucs_6s.yaml"),
        f"{SIX}.safetensors",
    }
    assert weights.hash_of("htdemucs_6s") == sha256(CONTENT)
    requests = len(hub.requests)
    assert weights.fetch("htdemucs_6s") == folder
    assert len(hub.requests) == requests
    assert {path for path, _ in hub.downloads()} == {f"/blob{HUB_PATH.format(revision=COMMIT)}"}, (
        "of the very commit whose checksum was promised"
    )


def test_models_of_backends_come_from_the_hub_too(hub: Host) -> None:
    path = "/SonyCSLParis/music2latent/resolve/{revision}/music2latent.pt"
    hub.hub[path] = CONTENT, sha256(CONTENT)
    assert [each.name for each in weights.resolve("music2latent").files] == ["music2latent.pt"]


def test_the_checksum_that_the_hub_promises_is_held(hub: Host) -> None:
    hub.hub[HUB_PATH] = CONTENT, sha256(b"other")
    with pytest.raises(SettingError, match="not kept"):
        weights.fetch("htdemucs_6s")
    assert [each.name for each in weights.path("htdemucs_6s").iterdir()] == [".lock"]


def test_what_the_hub_has_cut_short_is_not_kept(hub: Host) -> None:
    """It says how large a file is, and sends less of it."""
    hub.short_by = 5
    with pytest.raises(SettingError, match="did not arrive"):
        weights.fetch("htdemucs_6s")
    assert [each.name for each in weights.path("htdemucs_6s").iterdir()] == [".lock"]


def test_a_connection_to_the_hub_that_breaks_is_taken_up_at_its_last_block(
    hub: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)  # of 10 MB
    hub.break_after = [350_000]
    folder = weights.fetch("htdemucs_6s")
    assert (folder / f"{SIX}.safetensors").read_bytes() == CONTENT
    assert [wanted for _, wanted in hub.downloads()] == [None, "bytes=300000-"]


def test_what_the_hub_does_not_have_is_looked_for_elsewhere(hub: Host) -> None:
    del hub.hub[HUB_PATH]
    hub.files["/old/hybrid_transformer/5c90dfd2-34c22ccb.th"] = CONTENT
    with pytest.raises(SettingError, match=r"answers 404 .*expected 34c22ccb"):
        weights.fetch("htdemucs_6s")


def test_a_damaged_copy_in_the_hubs_cache_is_replaced(hub: Host, places: Path) -> None:
    snapshot = places / "hub" / "models--adefossez--HTDemucs-6s" / "snapshots" / COMMIT
    blob = snapshot.parents[1] / "blobs" / sha256(CONTENT)
    for folder in (snapshot, blob.parent):
        folder.mkdir(parents=True)
    (snapshot / "htdemucs_6s.yaml").write_text(f"models: ['{SIX}']")
    (snapshot / f"{SIX}.safetensors").symlink_to(f"../../blobs/{blob.name}")
    blob.write_bytes(b"damaged")
    assert not weights.fetch("htdemucs_6s").is_relative_to(snapshot)
    weights.verify("htdemucs_6s")


def test_a_blob_that_repositories_share_is_known_by_its_own_name(tmp_path: Path) -> None:
    store, blob = tmp_path / ("f" * 64), tmp_path / sha256(CONTENT)
    store.write_bytes(CONTENT)
    blob.symlink_to(store)
    (tmp_path / "x.safetensors").symlink_to(blob)
    assert expected(tmp_path / "x.safetensors") == sha256(CONTENT)


@pytest.mark.parametrize("source", ["mirror", "hub"])
def test_a_kill_in_the_middle_leaves_nothing_that_counts(
    request: pytest.FixtureRequest, source: str
) -> None:
    host: Host = request.getfixturevalue(source)
    host.stall_after = 500_000
    code = "from morphsep.models import weights; weights.fetch('htdemucs_6s')"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1])
    folder, deadline = weights.path("htdemucs_6s"), time.monotonic() + 120
    parts = "*.part" if source == "mirror" else ".hub/**/*.incomplete"
    while not (host.downloads() and list(folder.glob(parts))) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(folder.glob(parts))
    assert not weights.available("htdemucs_6s")
    with pytest.raises(SettingError, match="not on this machine"):
        weights.verify("htdemucs_6s")
    host.stall_after = None
    assert weights.fetch("htdemucs_6s") == folder
    assert (folder / f"{SIX}.safetensors").read_bytes() == CONTENT
    assert not list(folder.glob(parts))


def test_two_at_once_fetch_it_once(mirror: Host) -> None:
    threads = [threading.Thread(target=weights.fetch, args=("htdemucs_6s",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    weights.verify("htdemucs_6s")
    assert len(mirror.downloads()) == 1


@pytest.mark.parametrize("place", ["torch", "hub"])
def test_caches_of_others_are_used(
    places: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "torch":
        folder = places / "torch" / "hub" / "checkpoints"
        folder.mkdir(parents=True)
        (folder / "5c90dfd2-34c22ccb.th").write_bytes(CONTENT)
    else:
        repository = places / "hub" / "models--adefossez--HTDemucs-6s"
        folder = repository / "snapshots" / "1234"
        folder.mkdir(parents=True)
        (repository / "blobs").mkdir()
        (repository / "blobs" / sha256(CONTENT)).write_bytes(CONTENT)
        (folder / "htdemucs_6s.yaml").write_text(f"models: ['{SIX}']")
        (folder / f"{SIX}.safetensors").symlink_to(f"../../blobs/{sha256(CONTENT)}")
    assert weights.path("htdemucs_6s") == folder
    if place == "torch":
        with pytest.raises(SettingError, match="expected 34c22ccb"):
            weights.verify("htdemucs_6s")
    else:
        weights.verify("htdemucs_6s")
        (repository / "blobs" / sha256(CONTENT)).write_bytes(b"other")
        with pytest.raises(SettingError, match="damaged"):
            weights.verify("htdemucs_6s")


def test_a_repository_of_somebody_else_is_not_taken_for_it(places: Path) -> None:
    folder = places / "hub" / "models--somebody--HTDemucs-6s" / "snapshots" / "1234"
    folder.mkdir(parents=True)
    (folder / "htdemucs_6s.yaml").write_text(f"models: ['{SIX}']")
    (folder / f"{SIX}.safetensors").write_bytes(CONTENT)
    assert not weights.available("htdemucs_6s")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, "holds none"),
        ({"a.th": b"", "b.th": b""}, r"holds a\.th, b\.th"),
        ({"a.yaml": b"models: [x]"}, r"lacks the checkpoints x of a\.yaml"),
        ({"a.yaml": b"models: 5"}, "does not describe"),
        ({"a.yaml": b"- [}"}, "does not describe"),
        ({"a.yaml": b"models: [x]\nweights: [[a]]", "x.th": b""}, "does not describe"),
    ],
)
def test_folders_that_hold_no_model_are_refused(
    tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SettingError, match=sentence):
        weights.locate(str(tmp_path))


def test_hash_holds_what_the_recipe_adds(tmp_path: Path) -> None:
    (tmp_path / "x.th").write_bytes(CONTENT)
    (tmp_path / "a.yaml").write_text("models: [x]")
    assert weights.hash_of(str(tmp_path)) == sha256(CONTENT)
    (tmp_path / "a.yaml").write_text("models: [x]\nsegment: 5")
    with_segment = weights.hash_of(str(tmp_path))
    (tmp_path / "a.yaml").write_text("models: [x, x]\nsegment: 5")
    assert len({sha256(CONTENT), with_segment, weights.hash_of(str(tmp_path))}) == 3


def test_unknown_names_are_refused_with_what_is_known() -> None:
    for ask in (weights.available, weights.fetch, weights.verify, weights.path, weights.hash_of):
        with pytest.raises(SettingError, match=r"No Demucs model.*htdemucs_6s"):
            ask("htdemucs_7s")


def test_asking_what_is_here_loads_no_torch() -> None:
    code = (
        "import sys; from morphsep.models import weights;"
        "from morphsep.separators.demucs import Demucs;"
        "weights.available('htdemucs_6s'); Demucs(); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


SPY = """
import os, sys
def spy(event, args):
    if event.startswith("socket.") and event != "socket.__new__":
        os._exit(42)  # in any thread, past every handler
sys.addaudithook(spy)
from morphsep.models import weights
from morphsep.errors import SettingError
from morphsep.separators.auto import choose_separator
from morphsep.separators.demucs import Demucs
OFFLINE = sys.argv[1] == "argument"
def refused(call):
    try:
        call()
    except SettingError as error:
        assert "offline is set" in str(error), error
    else:
        raise SystemExit("not refused")
refused(lambda: weights.fetch("htdemucs_6s", offline=OFFLINE))
refused(lambda: Demucs(offline=OFFLINE, device="cpu").load())
refused(lambda: Demucs(offline=OFFLINE).weights_hash)
assert not weights.available("htdemucs_6s")
assert choose_separator(OFFLINE).name == "embedded"
weights.list_models()
print("clean")
"""


@pytest.mark.parametrize(
    ("source", "how"),
    [("mirror", "argument"), ("mirror", "MORPHSEP_OFFLINE"), ("hub", "HF_HUB_OFFLINE")],
)
def test_offline_opens_no_socket(
    request: pytest.FixtureRequest, tmp_path: Path, source: str, how: str
) -> None:
    host: Host = request.getfixturevalue(source)
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub")}
    if how != "argument":
        environment[how] = "1"
    done = subprocess.run(
        [sys.executable, "-c", SPY, how],
        env=environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("clean", 0), done.stderr
    assert host.requests == []


@pytest.mark.parametrize("name", ["MORPHSEP_MODEL_URL", "HF_ENDPOINT"])
def test_the_spy_sees_a_socket(name: str) -> None:
    environment = {**os.environ, name: "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", SPY, "no"],
        env=environment,
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 42


def test_offline_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_offline()
    assert is_offline(True)
    for word, forbidden in (("1", True), ("true", True), ("0", False), ("", False), ("off", False)):
        monkeypatch.setenv("MORPHSEP_OFFLINE", word)
        assert is_offline() is forbidden


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_without_a_host_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MORPHSEP_MODEL_URL", f"http://127.0.0.1:{free_port()}")
    assert not weights.reachable("htdemucs_6s")
    with pytest.raises(SettingError, match="Is there a network"):
        weights.fetch("htdemucs_6s")


def test_a_host_that_never_answers_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/model"
        for probe in (probe_url, probe_hub):
            assert not any_answers([partial(probe, url, 30.0)], timeout=0.2)


def test_one_host_that_answers_is_enough(host: Host) -> None:
    host.files["/model"] = CONTENT
    nowhere = partial(probe_url, f"http://127.0.0.1:{free_port()}/model", 5.0)
    missing, here = (partial(probe_url, f"{host.url}/{name}", 5.0) for name in ("missing", "model"))
    assert any_answers([nowhere, missing, here])
    assert not any_answers([nowhere, missing])
    assert not any_answers([])


def test_auto_takes_demucs_if_it_is_here_or_can_be_had(
    mirror: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = auto.choose_separator()
    assert choice.name == "demucs"
    assert "can be fetched" in choice.reason
    weights.fetch("htdemucs_6s")
    requests = len(mirror.requests)
    choice = auto.choose_separator(offline=True)
    assert choice.name == "demucs"
    assert "on this machine" in choice.reason
    assert len(mirror.requests) == requests


def test_auto_does_without_if_it_must(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = auto.choose_separator(offline=True)
    assert choice.name == "embedded"
    assert "offline is set" in choice.reason
    monkeypatch.setenv("MORPHSEP_MODEL_URL", f"http://127.0.0.1:{free_port()}")
    choice = auto.choose_separator()
    assert choice.name == "embedded"
    assert "no host answered within 10 s" in choice.reason
    assert "\n" not in choice.reason
    with pytest.raises(SettingError):
        auto.choose_separator(model="htdemucs_7s")


@pytest.mark.parametrize("plugin", ["music2latent", "diffusion", "demucs"])
def test_weights_that_cannot_be_had_are_found_out_before_the_run(
    plugin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("diffusers" if plugin == "diffusion" else plugin)
    monkeypatch.setenv("MORPHSEP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    song, out = songs.write(tmp_path / "in" / "x.wav", songs.guitar(0.3)), tmp_path / "out"
    chosen = {"separator": "none", "backend": plugin}
    if plugin == "demucs":
        chosen = {"separator": "demucs"}
        for folder in ("HF_HOME", "TORCH_HOME"):
            monkeypatch.setenv(folder, str(tmp_path / folder))
    settings = Settings(to="fuzz", offline=True, **chosen)
    jobs = settle_jobs(collect([str(song)], out, settings))
    with pytest.raises(SettingError, match="not on this machine"):
        run(jobs, out, REPROCESS, executor="local")
    assert not out.exists()


HTDEMUCS = "955717e8"


@pytest.mark.parametrize(
    ("signature", "said"), [(SIX, "htdemucs_6s: we have seen"), (HTDEMUCS, "htdemucs: MIT")]
)
def test_a_licence_is_that_of_the_model_whose_checksums_the_files_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signature: str, said: str
) -> None:
    name = said.partition(":")[0]
    (tmp_path / "mine").mkdir()
    own = tmp_path / "mine" / f"{signature}.th"  # the same name, another content
    own.write_bytes(CONTENT)
    assert Demucs(str(own)).weights_licence == UNKNOWN
    (weights_dir() / name).mkdir(parents=True)
    (weights_dir() / name / own.name).write_bytes(CONTENT)
    assert Demucs(name).weights_licence == UNKNOWN
    place = f"hybrid_transformer/{signature}-{hashlib.sha256(CONTENT).hexdigest()[:8]}.th"
    table = {**legacy_files(), signature: place}
    monkeypatch.setattr("morphsep.models.licences.legacy_files", lambda: table)
    assert Demucs(name).weights_licence.startswith(said)
    other = own.rename(own.with_name("renamed.th"))
    assert Demucs(str(other)).weights_licence.startswith(said.replace(name, "renamed"))
    other.write_bytes(CONTENT + b"trained on")
    assert Demucs(str(other)).weights_licence == UNKNOWN


@pytest.mark.parametrize("source", ["mirror", "hub"])
def test_what_was_fetched_by_name_is_what_it_was_fetched_as(
    request: pytest.FixtureRequest, source: str
) -> None:
    request.getfixturevalue(source)
    folder = weights.fetch("htdemucs_6s")
    assert Demucs().weights_licence.startswith("htdemucs_6s: we have seen")
    assert Demucs(str(folder)).weights_licence == UNKNOWN  # a path says nothing of where it is from
