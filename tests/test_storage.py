import errno
import hashlib
import os
import pickle
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
import soundfile
from obstore.store import LocalStore

from morphsep.errors import RefusedError, SettingError
from morphsep.storage import clients, faults, files, locking, object_store
from morphsep.storage.faults import StorageError, retries
from morphsep.storage.locations import Location, location
from morphsep.storage.locking import lock
from tests.object_store import Kind, ObjectStore


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "local":
        return location(tmp_path / "out")
    return location(request.getfixturevalue("store").url(f"{tmp_path.parent.name}-{tmp_path.name}"))


@pytest.fixture
def bucket(store: ObjectStore, tmp_path: Path) -> Location:
    return location(store.url(f"{tmp_path.parent.name}-{tmp_path.name}"))


def test_a_place_is_a_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert location("a/../b.wav").path == tmp_path / "b.wav"
    assert location("file:///x/a%20b").path == Path("/x/a b")
    assert location(Path("/x")) == location("file:///x")
    remote = location("s3://bucket//a/b%20?c/")
    assert str(remote) == "s3://bucket/a/b%20?c"
    assert (remote.name, str(remote.parent), remote.is_local) == ("b%20?c", "s3://bucket/a", False)
    assert remote.parent.parent.parent == location("s3://bucket")
    assert location(remote) is remote
    assert pickle.loads(pickle.dumps(remote)) == remote
    assert len({remote, remote.parent / "b%20?c"}) == 1


@pytest.mark.parametrize("text", ["ftp://host/x", "s3://", "gs:///x", "S4://b/k"])
def test_an_unknown_scheme_or_no_bucket_is_a_bad_setting(text: str) -> None:
    with pytest.raises(SettingError, match="s3://BUCKET/KEY"):
        location(text)


@pytest.mark.parametrize("below", ["/etc/passwd", "../x", "a/../../x", ".."])
def test_nothing_leads_out(below: str) -> None:
    for base in ("/x", "s3://bucket/x"):
        with pytest.raises(SettingError, match="below"):
            location(base) / below


def test_local_places_load_no_library_for_object_stores(tmp_path: Path) -> None:
    code = (
        "import sys; from morphsep.storage import location, lock; o = location(sys.argv[1])\n"
        "with lock(o): (o / 'a').write_json(1); o.walk(); o.remove_tree()\n"
        "assert not {'pyarrow', 'obstore', 'boto3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "o")], check=True)


def test_files_are_written_listed_read_and_removed(place: Location) -> None:
    assert (place.children(), place.walk(), place.exists()) == ([], [], False)
    assert (place / "a.json").read_json() is None
    (place / "b/c d.txt").write_bytes(b"text")
    (place / "a.json").write_json({"x": [1, None]})
    (place / "%41 ü").write_bytes(b"")
    assert (place / "a.json").read_json() == {"x": [1, None]}
    assert (place / "%41 ü").read_bytes() == b""
    assert place.children() == [place / "%41 ü", place / "a.json"]
    assert place.children(".json") == [place / "a.json"]
    assert place.walk() == [place / "%41 ü", place / "a.json", place / "b/c d.txt"]
    assert ((place / "b/c d.txt").size(), (place / "b/c d.txt").exists()) == (4, True)
    assert (place / "b").exists() == place.is_local, "a store has no folders"
    (place / "a.json").write_bytes(b"again")
    assert (place / "a.json").read_bytes() == b"again"
    for _ in range(2):
        (place / "a.json").remove()
        (place / "b").remove_tree()
    assert place.walk() == [place / "%41 ü"]


def test_what_is_not_there_is_said(place: Location, tmp_path: Path) -> None:
    absent = place / "absent"
    for ask in (absent.read_bytes, absent.size, absent.open, lambda: absent.fetch(tmp_path / "f")):
        with pytest.raises(FileNotFoundError):
            ask()
    assert not (tmp_path / "f").exists()


def test_what_is_gone_already_keeps_nothing_else_from_being_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a store says of each that it is not there, as Google's does."""
    bucket = LocalStore(tmp_path)
    monkeypatch.setattr(object_store, "client", lambda uri, bulk=False: (bucket, uri[7:]))
    names = [f"s3://b/{n}" for n in range(40)]
    for name in names[10:20] + names[30:]:
        object_store.write(name, b"x")
    object_store.remove_all(names)
    assert list(tmp_path.iterdir()) == []


def test_half_written_files_are_no_children_but_are_found_below(tmp_path: Path) -> None:
    part = files.temporary_beside(tmp_path / "x")
    part.write_bytes(b"half")
    assert location(tmp_path).children() == []
    assert location(tmp_path).walk() == [location(part)]


def test_writing_and_reading_go_through_local_paths(place: Location, tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(10_000_000)  # more than one part of an upload
    with (place / "big.bin").writing() as path:
        path.write_bytes(data)
    with (place / "big.bin").reading() as path:
        assert path.read_bytes() == data
    (place / "big.bin").fetch(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_an_exception_while_writing_leaves_what_was_there(place: Location) -> None:
    (place / "a").write_bytes(b"old")
    for name in ("a", "new"):
        with pytest.raises(KeyError), (place / name).writing() as path:  # noqa: PT012
            path.write_bytes(b"half")
            raise KeyError
    assert place.walk() == [place / "a"]
    assert (place / "a").read_bytes() == b"old"


def test_sound_is_read_where_it_lies_by_ranges(
    place: Location, request: pytest.FixtureRequest
) -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, (2_000_000, 2)).astype(np.float32)
    with (place / "a.wav").writing() as path:
        soundfile.write(path, sound, 44100, "FLOAT", format="WAV")
    with (place / "a.wav").open() as file:
        assert file.seekable()
        read, _ = soundfile.read(file, 1000, 1_500_000, dtype="float32")
    assert np.array_equal(read, sound[1_500_000:1_501_000])
    if not place.is_local:
        asked = [r for r in request.getfixturevalue("store").requests() if "a.wav" in r]
        assert sum(r.startswith("GET") for r in asked) <= 4


@pytest.mark.parametrize("kind", ["503", "500", "reset", "cut", "slow"])
def test_passing_faults_are_survived_and_counted(
    store: ObjectStore, bucket: Location, kind: Kind
) -> None:
    before = retries()
    for method in ("PUT", "GET", "HEAD", "DELETE"):
        store.fail(kind, times=1, method=method, seconds=0.2)
    (bucket / "a").write_bytes(b"12345678")
    assert (bucket / "a").read_bytes() == b"12345678"
    assert bucket.children() == [bucket / "a"]
    (bucket / "a").remove()
    assert not (bucket / "a").exists()
    assert kind == "slow" or retries() > before


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("POST", "?uploads"),
        ("PUT", "partNumber=1&"),
        ("PUT", "partNumber=2&"),
        ("POST", "uploadId"),
    ],
)
@pytest.mark.parametrize("times", [1, 4])
def test_a_large_file_is_whole_or_not_there_whatever_fails(
    store: ObjectStore,
    bucket: Location,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    key: str,
    times: int,
) -> None:
    """And no part of what failed stays behind in the store."""
    monkeypatch.setattr(faults, "ATTEMPTS", 1)
    data = bytes(21 << 20)
    store.fail("503", times=times, method=method, key=key)
    try:
        (bucket / "big").write_bytes(data)
        assert (bucket / "big").size() == len(data)
    except StorageError:
        store.recover()
        assert not (bucket / "big").exists()
    assert store.open_uploads() == []


def test_storage_that_is_gone_for_a_while_is_waited_for(
    store: ObjectStore, bucket: Location
) -> None:
    (bucket / "a").write_bytes(b"x" * 100)
    store.go_away(1.5)
    before = retries()
    with (bucket / "a").open() as file:
        assert file.read() == b"x" * 100
    assert retries() > before


def test_the_bounds_are_long_enough_for_twenty_seconds() -> None:
    delays = [
        min(faults.FIRST_DELAY * 2**n, faults.LONGEST_DELAY) * 0.75
        for n in range(faults.ATTEMPTS - 1)
    ]
    assert sum(delays) > 20
    assert faults.PATIENCE > 60


def test_storage_that_stays_away_says_what_to_do(
    store: ObjectStore, bucket: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "ATTEMPTS", 3)
    before = retries()
    store.fail("503", times=-1)
    with pytest.raises(StorageError, match="run the same command again"):
        (bucket / "a").write_bytes(b"x")
    assert retries() - before == 2
    store.recover()
    assert not (bucket / "a").exists()
    assert isinstance(pickle.loads(pickle.dumps(StorageError("x"))), OSError)


def test_a_refusal_is_a_bad_setting_and_not_tried_again(
    store: ObjectStore, bucket: Location
) -> None:
    before = retries()
    store.fail("403", times=-1)
    for ask in (lambda: (bucket / "a").write_bytes(b"x"), (bucket / "a").read_bytes, bucket.walk):
        with pytest.raises(RefusedError, match="credentials"):
            ask()
    store.recover()
    with pytest.raises(RefusedError, match="bucket"):
        location("s3://no-such-bucket-here/a").write_bytes(b"x")
    assert issubclass(RefusedError, SettingError)
    assert retries() == before


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (urllib.error.URLError("no route"), StorageError),
        (urllib.error.HTTPError("", 404, "", Message(), None), RefusedError),
    ],
)
def test_a_region_that_cannot_be_asked_for_is_the_storages_fault(
    monkeypatch: pytest.MonkeyPatch, answer: Exception, kind: type[Exception]
) -> None:
    ask_amazon(monkeypatch, answer)
    monkeypatch.setattr(faults, "ATTEMPTS", 1)
    with pytest.raises(kind, match=r"AWS_REGION|credentials"):
        location("s3://a-bucket-of-nobody/a").read_bytes()


def ask_amazon(monkeypatch: pytest.MonkeyPatch, answer: Exception) -> None:
    """Has the question for a bucket's region answered like this."""

    def ask(*question: object, **more: object) -> None:
        raise answer

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("urllib.request.urlopen", ask)


def test_a_region_is_told_even_to_those_who_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = Message()
    headers["x-amz-bucket-region"] = "eu-west-3"
    ask_amazon(monkeypatch, urllib.error.HTTPError("", 403, "", headers, None))
    assert clients.ask_region("somebody-elses") == "eu-west-3"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_fault_that_soundfile_swallows_is_raised_in_the_end(
    store: ObjectStore,
    bucket: Location,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with (bucket / "a.wav").writing() as path:
        soundfile.write(path, np.zeros(2_000_000), 44100, "FLOAT", format="WAV")
    monkeypatch.setattr(faults, "ATTEMPTS", 2)
    with pytest.raises(StorageError), (bucket / "a.wav").open() as file:  # noqa: PT012
        sound = soundfile.SoundFile(file)
        store.fail("503", times=-1)
        sound.seek(1_500_000)
        assert len(sound.read(1000)) < 1000
    capfd.readouterr()  # cffi prints what it swallows


def test_a_note_is_read_by_one_request_so_that_it_is_of_one_moment(
    store: ObjectStore, bucket: Location
) -> None:
    place = bucket / "note.json"
    place.write_json({"seconds": 1})
    assert place.read_json() == {"seconds": 1}
    asked = [line.split()[0] for line in store.requests() if place.name in line]
    assert asked == ["PUT", "GET"]
    place.write_bytes(b'{"cut": ')
    with pytest.raises(ValueError, match="Expecting value"):
        place.read_json()


def test_an_object_that_is_removed_while_it_is_read_is_gone_at_once(bucket: Location) -> None:
    (bucket / "a.bin").write_bytes(bytes(3 << 20))
    before = retries()
    with (bucket / "a.bin").open() as file:
        assert file.read(10) == bytes(10)
        (bucket / "a.bin").remove()
        file.seek(2 << 20)
        with pytest.raises(FileNotFoundError):
            file.read(1 << 20)
        with pytest.raises(FileNotFoundError):
            file.close()
    assert retries() == before


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_network_file_system_that_stumbles_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "a").write_bytes(b"x")
    left = [2]
    really = Path.read_bytes

    def stumbling(path: Path) -> bytes:
        if left[0]:
            left[0] -= 1
            raise OSError(code, "stumbled")
        return really(path)

    monkeypatch.setattr(Path, "read_bytes", stumbling)
    before = retries()
    assert location(tmp_path / "a").read_bytes() == b"x"
    assert retries() - before == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EISDIR])
def test_what_trying_again_cannot_mend_passes_unchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def failing(path: Path, data: bytes) -> int:
        raise OSError(code, "no")

    monkeypatch.setattr(Path, "write_bytes", failing)
    before = retries()
    with pytest.raises(OSError, match="no") as caught:
        location(tmp_path / "a").write_bytes(b"x")
    assert (caught.value.errno, type(caught.value)) == (code, type(OSError(code, "no")))
    assert retries() == before
    assert list(tmp_path.iterdir()) == []


def test_retries_are_counted_by_thread(store: ObjectStore, bucket: Location) -> None:
    before = retries()
    counts = []

    def work() -> None:
        (bucket / "a").write_bytes(b"x")
        counts.append(retries())

    store.fail("503", times=1)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert (counts, retries()) == ([1], before)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locking, "BEAT", 0.3)
    monkeypatch.setattr(locking, "DEAD", 4.0)


@pytest.mark.usefixtures("quick")
def test_a_second_run_is_refused_and_the_next_one_is_not(place: Location) -> None:
    with lock(place) as held:
        with pytest.raises(SettingError, match=r"another run .*choose another folder"), lock(place):
            pass
        held.check()
    with lock(place):
        pass


HOLDS = """
import sys, time
from morphsep.storage import locking
from morphsep.storage import location, lock
locking.BEAT = 0.3
with lock(location(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.mark.usefixtures("quick")
def test_a_killed_run_does_not_lock_out_the_next(place: Location) -> None:
    command = [sys.executable, "-c", HOLDS, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(SettingError, match="another run"), lock(place):
            pass
        process.kill()
    with lock(place) as held:
        held.check()


def test_while_the_storage_was_away_nobody_counts_as_dead(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits could not have seen a sign, and who holds the folder could not give one."""
    clock = 0.0
    place = location(store.url("held"))
    beats = iter([1, 1, 1, 1, 2])

    def read(at: Location) -> tuple[dict[str, int], None]:
        nonlocal clock
        beat = next(beats)
        clock += 100.0 if beat == 1 else 0.0
        return {"beat": beat, "epoch": 1}, None

    monkeypatch.setattr(locking, "read", read)
    monkeypatch.setattr(locking.time, "monotonic", lambda: clock)
    monkeypatch.setattr(locking.time, "sleep", lambda seconds: None)
    with pytest.raises(SettingError, match="another run"):
        locking._wait_for_death(place / "lease", place)


def test_who_holds_a_folder_is_named(tmp_path: Path) -> None:
    with lock(location(tmp_path)):
        owner = f"process {os.getpid()} on {socket.gethostname()}"
        with pytest.raises(SettingError, match=re.escape(owner)), lock(location(tmp_path)):
            pass


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_said_and_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as away:
        away.setattr("fcntl.flock", refuse)
        with pytest.raises(SettingError, match=os.strerror(code)), lock(location(tmp_path)):
            pass
    with lock(location(tmp_path)):
        pass


@pytest.mark.usefixtures("quick")
def test_of_many_that_come_at_once_one_gets_in(bucket: Location) -> None:
    inside: list[int] = []
    refused: list[str] = []

    def come(n: int) -> None:
        try:
            with lock(bucket) as held:
                inside.append(n)
                time.sleep(1.5)
                held.check()
        except (SettingError, StorageError) as error:
            refused.append(str(error))

    threads = [threading.Thread(target=come, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(inside), len(refused)) == (1, 3)


@pytest.mark.usefixtures("quick")
def test_who_was_away_too_long_learns_that_it_lost(bucket: Location) -> None:
    with lock(bucket) as held:
        taken = {"epoch": 2, "token": "another", "beat": 0, "owner": "another"}
        (bucket / ".morphsep/lease.json").write_json(taken)
        time.sleep(1.0)
        with pytest.raises(StorageError, match="taken over"):
            held.check()
    assert (bucket / ".morphsep/lease.json").read_json() == taken


@pytest.mark.usefixtures("quick")
def test_the_lease_survives_storage_that_stumbles(store: ObjectStore, bucket: Location) -> None:
    with lock(bucket) as held:
        store.fail("503", times=4, key="lease.json")
        time.sleep(1.5)
        held.check()
        with pytest.raises(SettingError, match="another run"), lock(bucket):
            pass


def test_a_file_of_two_hundred_thousand_bytes_keeps_its_digest(bucket: Location) -> None:
    data = np.random.default_rng(2).bytes(200_001)
    (bucket / "x").write_bytes(data)
    with (bucket / "x").open() as file:
        file.seek(-1, 2)
        assert file.read(10) == data[-1:]
        file.seek(0)
        assert hashlib.sha256(file.read()).digest() == hashlib.sha256(data).digest()


INTERRUPTED = """
import os, signal, sys, threading, time
from morphsep.storage import location
place = location(sys.argv[1])
for seconds in (0.5, 5):  # Python loses an interrupt that arrives in a finaliser
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()
try:
    place.write_bytes(bytes(40 << 20))
    time.sleep(20)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_publishes_no_part_of_a_file(store: ObjectStore, bucket: Location) -> None:
    store.fail("slow", times=-1, method="PUT", seconds=0.4)
    command = [sys.executable, "-c", INTERRUPTED, str(bucket / "big")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "interrupted\n"
    store.recover()
    assert not (bucket / "big").exists() or (bucket / "big").size() == 40 << 20


def test_of_many_who_create_a_file_one_does(place: Location) -> None:
    with ThreadPoolExecutor(8) as workers:
        first = list(workers.map((place / "a").create_json, range(8)))
    assert sorted(first) == [False] * 7 + [True]
    assert (place / "a").read_json() == first.index(True)
    assert (place / "a").create_json(first.index(True)), "whoever did it may ask again"


@pytest.mark.parametrize("kind", ["503", "reset", "cut"])
def test_whoever_wrote_is_known_though_the_answer_was_lost(
    store: ObjectStore, bucket: Location, kind: Kind
) -> None:
    name = str(bucket / "a")
    store.fail(kind, times=1, method="PUT", key="/a")
    version = object_store.swap(name, b"1", None)
    assert version is not None
    store.fail(kind, times=1, method="PUT", key="/a")
    assert object_store.swap(name, b"2", version) is not None
    assert object_store.swap(name, b"3", version) is None
    assert object_store.swap(name, b"4", None) is None
    assert (bucket / "a").read_bytes() == b"2"
    (bucket / "a").remove()
    assert object_store.swap(name, b"5", version) is None


@pytest.mark.usefixtures("quick")
def test_a_lease_of_an_earlier_release_is_understood(bucket: Location) -> None:
    lease = {"epoch": 4, "token": "old", "beat": 7, "owner": "process 1 on there"}
    place = bucket / ".morphsep/lease.json"
    place.write_json(lease)
    with lock(bucket) as held:
        assert place.read_json()["epoch"] == 5
        place.write_json(lease | {"beat": 8})  # a late sign of life does not win it back
        time.sleep(1.0)
        held.check()
        assert place.read_json()["epoch"] == 5
    assert not place.exists()


FORKED = """
import os, sys
from morphsep.storage import StorageError, location
place = location(sys.argv[1])
place.write_json(1)
child = os.fork()
if not child:
    try:
        place.read_json()
    except StorageError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(place.read_json())
"""


@pytest.mark.usefixtures("store")
def test_a_forked_process_is_told_instead_of_waiting_for_ever(bucket: Location) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(bucket / "a")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told, read = done.stdout.splitlines()
    assert "spawn" in told
    assert read == "1"


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("known", [True, False])
def test_credentials_come_from_a_profile_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    (tmp_path / "credentials").write_text(
        "[studio]\naws_access_key_id = K\naws_secret_access_key = S\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "studio" if known else "stage")
    place = location(f"s3://made-for-{tmp_path.name.replace('_', '-')}/a")
    with pytest.raises(RefusedError, match="NoSuchBucket" if known else "AWS_PROFILE"):
        place.write_json(1)
