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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from morphsep.errors import SettingError
from morphsep.models import weights
from morphsep.models.bags import legacy_files, published, read_folder
from morphsep.models.download import DownloadError, download, first_reachable, is_offline
from morphsep.separators import auto

SIX = "5c90dfd2"
CONTENT = bytes(range(256)) * 4096


class Host(ThreadingHTTPServer):
    """Serves `files` by path; can break off, stall, redirect and promise a checksum."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.break_after: list[int] = []
        self.stall_after: int | None = None
        self.linked: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def downloads(self) -> list[tuple[str, str | None]]:
        """Requests that were more than the question whether somebody is there."""
        return [request for request in self.requests if request[1] != "bytes=0-0"]


class Handler(BaseHTTPRequestHandler):
    server: Host

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.requests.append((self.path, wanted))
        if self.path in self.server.linked:
            self.send_response(302)
            self.send_header("Location", "/blob" + self.path)
            self.send_header("X-Linked-Etag", f'"{self.server.linked[self.path]}"')
            self.end_headers()
            return
        content = self.server.files.get(self.path.removeprefix("/blob"))
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
    for name in ("MORPHSEP_OFFLINE", "HF_HUB_OFFLINE", "MORPHSEP_MODEL_URL"):
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
    with pytest.raises(DownloadError, match="after 4 attempts"):
        weights.fetch("htdemucs_6s")
    # Four for each of the two formats; the second is not there.
    assert len(mirror.downloads()) == 5
    assert not weights.available("htdemucs_6s")


def test_the_checksum_that_the_hub_promises_is_held(host: Host, tmp_path: Path) -> None:
    host.files["/model"] = CONTENT
    host.linked["/model"] = sha256(CONTENT)
    assert download(f"{host.url}/model", tmp_path / "model.part") == sha256(CONTENT)
    host.linked["/model"] = sha256(b"other")
    with pytest.raises(DownloadError, match="not kept"):
        download(f"{host.url}/model", tmp_path / "model.part")


def test_a_kill_in_the_middle_leaves_nothing_that_counts(mirror: Host) -> None:
    mirror.stall_after = 500_000
    code = "from morphsep.models import weights; weights.fetch('htdemucs_6s')"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1])
    part = weights.path("htdemucs_6s") / f"{SIX}.safetensors.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert 0 < part.stat().st_size < len(CONTENT)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert part.exists()
    assert not weights.available("htdemucs_6s")
    with pytest.raises(SettingError, match="not on this machine"):
        weights.verify("htdemucs_6s")
    mirror.stall_after = None
    folder = weights.fetch("htdemucs_6s")
    assert (folder / f"{SIX}.safetensors").read_bytes() == CONTENT
    assert not part.exists()


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


@pytest.mark.parametrize("how", ["argument", "MORPHSEP_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_opens_no_socket(mirror: Host, tmp_path: Path, how: str) -> None:
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
    assert mirror.requests == []


def test_the_spy_sees_a_socket(tmp_path: Path) -> None:
    environment = {**os.environ, "MORPHSEP_MODEL_URL": "http://127.0.0.1:9"}
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
    for word, expected in (("1", True), ("true", True), ("0", False), ("", False), ("off", False)):
        monkeypatch.setenv("MORPHSEP_OFFLINE", word)
        assert is_offline() is expected


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
        assert first_reachable([url], timeout=0.2) is None


def test_the_first_that_answers_wins(host: Host) -> None:
    host.files["/model"] = CONTENT
    nowhere = f"http://127.0.0.1:{free_port()}/model"
    missing = f"{host.url}/missing"
    assert first_reachable([nowhere, missing, f"{host.url}/model"]) == f"{host.url}/model"
    assert first_reachable([nowhere, missing]) is None
    assert first_reachable([]) is None


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
