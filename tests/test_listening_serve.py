"""`morphsep listen serve`: who gets in, what they get, and that no answer is lost."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

from morphsep.errors import SettingError
from morphsep.evaluation.listening import (
    ListeningTest,
    Plan,
    find_results,
    make,
    read_answers,
    read_test,
)
from morphsep.evaluation.session import Hosting, listeners, read_consent
from morphsep.evaluation.session.headphones import check_sound, right_places
from morphsep.evaluation.session.steps import screens
from morphsep.serving import Address, Guard, opened
from morphsep.storage import location
from tests.axe import findings, needs_axe
from tests.browser import Browser, needs_browser
from tests.commands import invoke
from tests.listening import rendered

TOKEN = "a token of the test"
Step = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small test, which nobody has answered."""
    folder = tmp_path_factory.mktemp("made")
    rendered(folder / "eval")
    make(location(folder / "eval"), location(folder / "test"), Plan(items=1))
    return folder / "test"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "test"))


@contextmanager
def serving(folder: Path, *options: str, hard: bool = False) -> Iterator[str]:
    """A server in a process of its own, and its link; ended by SIGTERM, or hard."""
    command = [sys.executable, "-m", "morphsep", "listen", "serve", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("open http://127.0.0.1:"), line
            yield line.split()[1]
        finally:
            process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)


@dataclass
class Visitor:
    """A browser without a page: its cookies, and what it asks."""

    link: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.link).netloc

    def ask(
        self, path: str, body: object = None, method: str | None = None, **headers: str | None
    ) -> tuple[int, bytes]:
        """The status, and what came; a header of None is left out."""
        known = {
            "Host": self.host,
            "Origin": f"http://{self.host}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        sent = {name: value for name, value in (known | headers).items() if value is not None}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method or ("GET" if body is None else "POST"), path, data, sent)
        answer = connection.getresponse()
        for cookie in answer.headers.get_all("set-cookie") or ():
            assert "; HttpOnly; SameSite=Strict" in cookie
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.headers = answer.headers
        found = answer.status, answer.read()
        connection.close()
        return found

    def step(self, path: str, body: object = None) -> Step:
        status, data = self.ask(path, body)
        assert status == 200, data
        step: Step = json.loads(data)
        return step

    def enter(self) -> Step:
        """By the link, and agrees."""
        assert self.ask(self.link.removeprefix(f"http://{self.host}"))[0] == 200
        assert self.step("/next")["step"] == "consent"
        return self.step("/consent", {})


def answers_to(step: Step) -> dict[str, int]:
    """An answer to each sound of a trial, made of its name."""
    scale = step["scale"]
    span = scale["high"] - scale["low"] + 1
    return {name: scale["low"] + int(name, 16) % span for name in step["rated"]}


def careful(test: ListeningTest, listener: str) -> Callable[[Step], dict[str, int]]:
    """The answers of somebody who hears what is played."""
    known = {screen.name: screen for screen in screens(test, listener)}

    def answers(step: Step) -> dict[str, int]:
        screen = known[step["trial"]]
        told = {}
        for name in step["rated"]:
            heard = test.stimuli[screen.sounds[name]]
            told[name] = {
                "mos": 3,
                "fusion": 2 if heard.role == "two guitars" else 1,
                "position": round(100 * heard.amount),
                "quality": 100 if heard.role == "truth" else 40,
            }[step["question"]]
        return told

    return answers


def answer_all(
    visitor: Visitor,
    step: Step,
    most: int = 1000,
    answers: Callable[[Step], dict[str, int]] = answers_to,
) -> Step:
    """Goes on to the end, or for some trials."""
    while step["step"] == "trial" and most:
        body = {"trial": step["trial"], "answers": answers(step)}
        step, most = visitor.step("/answers", body), most - 1
    return step


@pytest.fixture(scope="module")
def link(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for tests that leave no answers."""
    copy = shutil.copytree(made, tmp_path_factory.mktemp("served") / "test")
    with serving(copy, "--no-headphone-check") as link:
        yield link


@pytest.fixture
def inside(link: str) -> Visitor:
    visitor = Visitor(link)
    visitor.enter()
    return visitor


def test_a_session_ends_with_an_answer_to_everything_that_can_be_scored(folder: Path) -> None:
    test = read_test(location(folder))
    with serving(folder, "--no-headphone-check") as link:
        visitor = Visitor(link)
        step = visitor.enter()
        (record,) = (folder / "listeners").iterdir()
        answers = careful(test, record.stem)
        questions, kinds = [], []
        while step["step"] == "trial":
            questions.append(step["question"])
            kinds.append(step["training"])
            step = answer_all(visitor, step, 1, answers)
    assert step == {"step": "done"}
    assert list(dict.fromkeys(questions)) == ["mos", "fusion", "position", "quality"]
    for question in set(questions):  # training first, then all trials
        own = [kind for kind, asked in zip(kinds, questions, strict=True) if asked == question]
        assert own == sorted(own, reverse=True)
        assert own.count(False) == sum(trial.question == question for trial in test.trials)
    found = read_answers(find_results([location(folder)]), test)
    assert {(a.trial, a.stimulus) for a in found} == {
        (trial.name, name) for trial in test.trials for name in trial.rated
    }
    (listener,) = {a.listener for a in found}
    order = [trial.name for trial in test.order(listener)]
    assert list(dict.fromkeys(a.trial for a in found)) == order
    scored = invoke("listen", "score", folder, "--json")
    told = json.loads(scored.stdout)
    assert (told["listeners"], told["excluded"]) == (1, [])
    averages = {row["measure"]: row["mean"]["value"] for row in told["scores"]}
    assert (averages["mos"], averages["position"]) == (3, 0.5)


def test_what_was_answered_stays_when_the_server_is_killed_and_goes_on_after(folder: Path) -> None:
    with serving(folder, "--no-headphone-check", hard=True) as link:
        visitor = Visitor(link)
        step = answer_all(visitor, visitor.enter(), 5)
        before = read_answers(find_results([location(folder)]), read_test(location(folder)))
    with serving(folder, "--no-headphone-check") as again:
        assert again == link  # links that were given out still work, and so does the open page
        assert visitor.step("/next") == step
        answer_all(visitor, step)
    after = read_answers(find_results([location(folder)]), read_test(location(folder)))
    assert after[: len(before)] == before
    assert len(after) > len(before) > 0
    assert {a.listener for a in after} == {a.listener for a in before}


def test_two_tabs_and_two_listeners_at_once_neither_mix_nor_lose(folder: Path) -> None:
    test = read_test(location(folder))
    with serving(folder, "--no-headphone-check") as link:
        visitors = [Visitor(link), Visitor(link)]
        steps = [visitor.enter() for visitor in visitors]
        tabs = [
            threading.Thread(target=answer_all, args=(visitor, step))
            for visitor, step in zip(visitors, steps, strict=True)
            for _ in range(2)
        ]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert {visitor.step("/next")["step"] for visitor in visitors} == {"done"}
    found = read_answers(find_results([location(folder)]), test)  # refuses what is there twice
    asked = sum(len(trial.rated) for trial in test.trials)
    files = sorted((folder / "results").iterdir())
    assert [len(path.read_text().splitlines()) for path in files] == [asked, asked]
    for path in files:
        own = [a for a in found if a.listener == path.stem]
        assert len(own) == asked


def test_an_answer_given_twice_counts_once_and_the_first_stands(folder: Path) -> None:
    with serving(folder, "--no-headphone-check") as link:
        visitor = Visitor(link)
        step = visitor.enter()
        while step["training"]:
            step = answer_all(visitor, step, 1)
        (name,) = step["rated"]
        for value in (2, 5):
            visitor.step("/answers", {"trial": step["trial"], "answers": {name: value}})
    (answer,) = read_answers(find_results([location(folder)]), read_test(location(folder)))
    assert answer.value == 2


@pytest.mark.parametrize("is_written", [False, True])
def test_a_write_that_fails_loses_nothing_and_doubles_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """The disk is full before anything is there, or does not answer once it is; we are asked again,
    and killed."""
    hosting = Hosting(location(folder), "text", must_have_headphones=True)
    hosting.read()
    secret, listener = hosting.welcome()
    right = right_places(hosting.test.id, listener.name, 0)
    with failing_once(monkeypatch, is_written):
        again(OSError, hosting.hear_headphones, listener, 0, right)
    while (step := hosting.step(listener))["step"] == "trial":
        told = dict.fromkeys(step["rated"], step["scale"]["low"])
        with failing_once(monkeypatch, is_written):
            again(OSError, hosting.hear, listener, step["trial"], told)
    after = Hosting(location(folder), "text", must_have_headphones=True)
    after.read()  # refuses what is there twice
    known = after.find(secret)
    assert known is not None
    assert (known.headphones, known.trained) == (listener.headphones, listener.trained) != ([], [])
    assert after.step(known) == {"step": "done"}


@contextmanager
def failing_once(monkeypatch: pytest.MonkeyPatch, is_written: bool) -> Iterator[None]:
    real, failed = listeners._write, []

    def write(*arguments: Any) -> None:
        if failed or is_written:
            real(*arguments)
        if not failed:
            failed.append(True)
            raise OSError(28, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(listeners, "_write", write)
        yield
    assert failed


def again(error: type[Exception], call: Callable[..., object], *arguments: object) -> None:
    """As the page does whose answer was not taken."""
    with pytest.raises(error):
        call(*arguments)
    call(*arguments)


def test_a_last_line_that_was_left_without_an_end_is_one_answer_still(folder: Path) -> None:
    hosting = Hosting(location(folder), "text", must_have_headphones=False)
    _, listener = hosting.welcome()
    while not (folder / "results").exists() or len(list((folder / "results").iterdir())) == 0:
        answer_here(hosting, listener)
    (path,) = (folder / "results").iterdir()
    path.write_bytes(path.read_bytes().rstrip())
    answer_here(hosting, listener)
    assert len(read_answers(find_results([location(folder)]), hosting.test)) >= 2


def answer_here(hosting: Hosting, listener: listeners.Listener) -> None:
    step = hosting.step(listener)
    told = dict.fromkeys(step["rated"], step["scale"]["low"])
    hosting.hear(listener, step["trial"], told)


def test_training_does_not_tell_in_which_order_sounds_will_stand(folder: Path) -> None:
    test = read_test(location(folder))
    same = []
    for number in range(20):
        own = screens(test, f"listener {number}")
        counted = {s.trial.name: s.trial.rated for s in own if not s.is_training}
        for screen in own:
            if screen.is_training and len(screen.trial.rated) > 2:
                assert set(screen.trial.rated) == set(counted[screen.trial.name])
                same.append(screen.trial.rated == counted[screen.trial.name])
    assert 0 <= sum(same) < len(same) / 2


def test_names_in_addresses_tell_nothing(folder: Path) -> None:
    test = read_test(location(folder))
    told: list[dict[str, set[str]]] = []
    with serving(folder, "--no-headphone-check") as link:
        for _ in range(2):
            visitor, names = Visitor(link), {"trials": set[str](), "sounds": set[str]()}
            step = visitor.enter()
            while step["step"] == "trial":
                sounds = [*(name for _, name in step["open"]), *step["rated"]]
                assert not names["sounds"] & set(sounds)  # nothing is recognised in a later trial
                names["sounds"] |= set(sounds)
                names["trials"].add(step["trial"])
                assert not set(sounds) & set(test.stimuli)
                step = answer_all(visitor, step, 1)
            told.append(names)
    assert not told[0]["sounds"] & told[1]["sounds"]
    assert not told[0]["trials"] & told[1]["trials"]


def test_a_sound_is_played_as_the_test_has_it_to_those_who_were_told_its_name(
    folder: Path,
) -> None:
    files = {path.read_bytes() for path in (folder / "stimuli").iterdir()}
    with serving(folder, "--no-headphone-check") as link:
        visitor, other = Visitor(link), Visitor(link)
        (name,) = visitor.enter()["rated"]
        other.enter()
        assert visitor.ask(f"/sounds/{name}")[1] in files
        assert visitor.headers["content-type"] == "audio/flac"
        assert other.ask(f"/sounds/{name}")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),  # DNS rebinding
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
        ({"Host": "127.0.0.1"}, 421),  # another port
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Cookie": None}, 403),
        ({"Cookie": "morphsep-1=wrong"}, 403),
        ({"Cookie": 'morphsep="\\'}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None}, 403),
        ({"Content-Length": str(3 << 30)}, 413),
        ({"Content-Length": "-1"}, None),
    ],
)
def test_what_is_not_from_the_page_is_refused(
    inside: Visitor, headers: dict[str, str | None], status: int | None
) -> None:
    found, body = inside.ask("/answers", b"{}", **headers)
    assert found in ((400, 413) if status is None else (status,))
    assert TOKEN not in body.decode()
    assert "default-src 'none'" in inside.headers.get(
        "content-security-policy", "default-src 'none'"
    )


def test_the_token_is_needed_for_everything_and_in_a_link_opens_pages_only(link: str) -> None:
    token = urlsplit(link).query.removeprefix("token=")
    for path in ("/", "/session.js", "/next", "/sounds/0", f"/?token={token}x", "/?token="):
        assert Visitor(link).ask(path)[0] == 403, path
    assert Visitor(link).ask(f"/consent?token={token}", {})[0] == 403
    assert Visitor(link).ask(f"/?token={token}")[0] == 200


@pytest.mark.parametrize("other", ['prefs={"a":1}', "a,b=1", "no pair", "=", "x=a=b; y"])
def test_the_cookie_of_another_server_hides_ours_not(inside: Visitor, other: str) -> None:
    ours = "; ".join(f"{name}={value}" for name, value in inside.cookies.items())
    step = inside.step("/next")
    for cookie in (f"{other}; {ours}", f"{ours}; {other}"):
        status, data = inside.ask("/next", Cookie=cookie)
        assert (status, json.loads(data)) == (200, step)


def test_pages_carry_a_policy_without_inline_scripts(inside: Visitor) -> None:
    for path in ("/", "/session.js", "/next", "/nothing"):
        _, body = inside.ask(path)
        policy = inside.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert inside.headers["cache-control"] == "no-store"
        assert inside.headers["x-content-type-options"] == "nosniff"
        assert inside.headers["referrer-policy"] == "no-referrer"
        assert b" style=" not in body


@pytest.mark.parametrize(
    "path",
    [
        "/key.json", "/test.json", "/serving.json", "/../key.json", "/sounds/../../key.json",
        "/sounds/..%2f..%2fkey.json", "/sounds/%2e%2e/key.json", "/sounds//etc/passwd",
        "/sounds/%00", "/sounds/key.json", "/headphones/-1", "/headphones/6", "/headphones/999999",
        "/index.html", "/hosting.py", "//127.0.0.1/", "/session.js/../../app.py",
    ],
)  # fmt: skip
def test_nothing_but_the_page_and_told_sounds_is_handed_out(inside: Visitor, path: str) -> None:
    assert inside.ask(path)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"[" * 60_000, b"\xff", b'{"trial": []}',
        b'{"trial": "0", "answers": {}}', b'{"trial": {"a": 1}, "answers": 3}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused_in_a_sentence(inside: Visitor, body: bytes) -> None:
    status, told = inside.ask("/answers", body)
    assert (status, b"load the page again" in told) == (409, True)


@pytest.mark.parametrize("value", [0, 6, 2.5, True, None, "3", float("nan"), float("inf"), [3]])
def test_what_is_off_the_scale_is_refused(inside: Visitor, value: object) -> None:
    step = inside.step("/next")
    told = {"trial": step["trial"], "answers": {step["rated"][0]: value}}
    assert inside.ask("/answers", told)[0] == 409
    told["answers"] = {}
    assert inside.ask("/answers", told)[0] == 409
    told["answers"] = answers_to(step) | {"more": 3}
    assert inside.ask("/answers", told)[0] == 409
    assert inside.step("/next") == step


def test_a_body_without_a_length_is_cut_off_where_it_gets_too_long(inside: Visitor) -> None:
    connection = http.client.HTTPConnection(inside.host, timeout=60)
    cookie = "; ".join(f"{name}={value}" for name, value in inside.cookies.items())
    headers = {"Origin": f"http://{inside.host}", "Cookie": cookie}
    parts = (b" " * 1000 for _ in range(1000))
    try:
        connection.request("POST", "/answers", parts, headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up while we were still talking
    finally:
        connection.close()
    assert inside.step("/next")["step"] == "trial"  # nobody else has noticed


def test_without_a_listener_there_is_nothing_to_hear_or_say(link: str) -> None:
    visitor = Visitor(link)
    visitor.ask(f"/?{urlsplit(link).query}")
    assert visitor.ask("/answers", {})[0] == 409
    assert visitor.ask("/headphones/0")[0] == 404
    name = next(name for name in visitor.cookies)
    visitor.cookies[f"{name}-listener"] = "../../key"
    assert visitor.step("/next")["step"] == "consent"


@pytest.mark.parametrize("damage", ["link", "folder", "missing", "folder link"])
def test_a_sound_that_is_no_plain_file_of_the_test_is_refused_at_the_start(
    folder: Path, damage: str
) -> None:
    sound = min((folder / "stimuli").iterdir())
    match damage:
        case "folder link":
            moved = (folder / "stimuli").rename(folder.parent / "elsewhere")
            (folder / "stimuli").symlink_to(moved)
        case _:
            sound.unlink()
    if damage == "link":
        sound.symlink_to(folder / "key.json")
    elif damage == "folder":
        sound.mkdir()
    done = invoke("listen", "serve", folder)
    assert done.returncode == 1
    assert "stimuli" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_sound_that_becomes_a_link_while_it_is_served_is_not_followed(folder: Path) -> None:
    hosting = Hosting(location(folder), "text", must_have_headphones=False)
    hosting.read()
    _, listener = hosting.welcome()
    (name,) = hosting.step(listener)["rated"]
    assert hosting.sound(listener, name) is not None
    for path in (folder / "stimuli").iterdir():
        path.unlink()
        path.symlink_to(folder / "key.json")
    with pytest.raises(SettingError, match="cannot be played"):
        hosting.sound(listener, name)


def test_who_hears_no_pitch_does_not_go_on_and_may_try_again(folder: Path) -> None:
    hosting = Hosting(location(folder), "text", must_have_headphones=True)
    hosting.read()
    secret, listener = hosting.welcome()
    assert hosting.step(listener) == {"step": "headphones", "tries": 6, "failed": 0}
    wrong = [(place + 1) % 3 for place in right_places(hosting.test.id, listener.name, 0)]
    hosting.hear_headphones(listener, 0, wrong)
    assert hosting.step(listener) == {"step": "headphones", "tries": 6, "failed": 1}
    right = right_places(hosting.test.id, listener.name, 1)
    hosting.hear_headphones(listener, 1, [(right[0] + 1) % 3, *right[1:]])
    assert hosting.step(listener)["step"] == "trial"
    assert listener.headphones == [0, 5]
    again = Hosting(location(folder), "text", must_have_headphones=True)
    again.read()
    assert again.step(again.find(secret)) == hosting.step(listener)


def test_the_pitch_is_in_one_noise_and_nowhere_but_between_the_ears() -> None:
    import io

    samples, rate = soundfile.read(io.BytesIO(check_sound(1, "seed")))
    starts = [0.5 + 1.5 * n for n in range(3)]
    for n, start in enumerate(starts):
        left, right = samples[round(start * rate) : round((start + 1) * rate)].T
        assert np.allclose(left, right, atol=1e-4) == (n != 1)
        for side in (left, right):  # each ear alone hears noise of the same level
            power = np.abs(np.fft.rfft(side)) ** 2
            band = power[570:631].mean() / power[300:1000].mean()
            assert 0.5 < band < 2


def test_consent_is_what_the_file_says_and_is_kept_with_its_digest(folder: Path) -> None:
    (folder / "consent").write_text("You take part.\n", encoding="utf-8")
    with serving(folder, "--consent", str(folder / "consent")) as link:
        visitor = Visitor(link)
        visitor.ask(f"/?{urlsplit(link).query}")
        assert visitor.step("/next") == {"step": "consent", "text": "You take part."}
        visitor.step("/consent", {})
    (record,) = [json.loads(path.read_text()) for path in (folder / "listeners").iterdir()]
    assert len(record["consent"]) == 16
    secret = [value for name, value in visitor.cookies.items() if "listener" in name]
    assert not [each for each in secret if each in json.dumps(record)]
    for data in (b"", b"\xff", b"x" * 30_000):
        (folder / "consent").write_bytes(data)
        with pytest.raises(SettingError):
            read_consent(location(folder / "consent"))
    assert "random name" in read_consent(None)


def test_only_one_server_at_a_time_has_a_test(folder: Path) -> None:
    with serving(folder):
        done = invoke("listen", "serve", folder)
    assert done.returncode == 1
    assert "is at work" in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "0.0.0.0"), "TLS"),
        (("--host", "192.0.2.1"), "--i-know"),
        (("--host", "0.0.0.0", "--i-know"), "--url"),
        (("--url", "listen.example.org"), "https://HOST"),
        (("--url", "https://me@listen.example.org"), "https://HOST"),
        (("--url", "https://listen.example.org/#top"), "https://HOST"),
        (("--url", "https://listen.example.org:many"), "https://HOST"),
        (("--url", "http://["), "https://HOST"),
        (("--consent", "nowhere"), "cannot be read"),
    ],
)
def test_what_would_not_be_safe_or_cannot_be_is_refused(
    folder: Path, options: tuple[str, ...], sentence: str
) -> None:
    done = invoke("listen", "serve", folder, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence in done.stderr


def test_who_agrees_listens_on_all_addresses_under_the_name_that_was_given() -> None:
    url = "http://listen.example.org:8000"
    with opened(host="0.0.0.0", url=url, is_known_to_be_open=True) as ready:
        assert ready.address.hosts == {"listen.example.org:8000"}
        assert ready.address.link.startswith(f"{url}/?token=")


def test_behind_tls_the_name_and_origin_are_the_public_ones_and_cookies_secure() -> None:
    address = Address(host="127.0.0.1", port=81, url="https://L.example.org/", token=TOKEN)
    assert {"l.example.org", "127.0.0.1:81"} <= address.hosts
    assert "https://l.example.org" in address.origins
    assert "http://l.example.org" not in address.origins
    assert address.is_secure("l.example.org")
    full = Address(host="127.0.0.1", port=81, url="https://l.example.org:443", token=TOKEN)
    assert (full.base, full.origins) == (address.base, address.origins)  # as browsers write it
    assert not address.is_secure("127.0.0.1:81")


def test_a_port_that_is_taken_is_refused_and_the_next_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match="cannot listen"), opened(ports=(port,)):
            pass
        with opened(ports=(port, 0)) as ready:
            assert ready.address.port not in (0, port)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:7"])
def test_web_sockets_need_the_cookie_and_our_origin(origin: str | None) -> None:
    import asyncio

    address = Address(host="127.0.0.1", port=7, token=TOKEN.replace(" ", ""))
    reached: list[str] = []
    said: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {}

    headers = [(b"host", b"127.0.0.1:7"), (b"cookie", f"morphsep-7={address.token}".encode())]
    headers += [(b"origin", origin.encode())] if origin else []
    scope = {"type": "websocket", "headers": headers, "query_string": b""}
    asyncio.run(Guard(inner, address)(scope, receive, send))
    assert bool(reached) == (origin == "http://127.0.0.1:7")
    assert [each["type"] for each in said] == ([] if reached else ["websocket.close"])


def test_the_token_is_for_its_owners_eyes_and_can_be_made_anew(folder: Path) -> None:
    with serving(folder) as link:
        assert (folder / "serving.json").stat().st_mode & 0o777 == 0o600
    with serving(folder, "--new-token") as other:
        assert urlsplit(other).netloc == urlsplit(link).netloc
        assert urlsplit(other).query != urlsplit(link).query
        assert Visitor(other).ask(f"/?{urlsplit(link).query}")[0] == 403


@pytest.mark.browser
@needs_browser
@needs_axe
def test_a_whole_session_in_a_browser(folder: Path) -> None:
    """Real clicks and keys, a reload in the middle, the server killed and back; axe on each kind
    of screen, and every answer on the disk."""
    test = read_test(location(folder))
    seen: set[str] = set()
    with Browser() as browser:
        with serving(folder, hard=True) as link:
            browser.open(link)
            browser.wait("document.querySelector('h1').textContent === 'Before you begin'")
            assert browser.value("location.href").endswith("/")
            assert findings(browser) == []
            browser.click("#content .main")
            browser.wait("document.querySelectorAll('[name=place]').length === 3")
            assert findings(browser) == []
            check_headphones(browser, folder)
            check_switching(browser)
            for _ in range(4):
                answer_screen(browser, seen)
            browser.click(".choice label:nth-of-type(1) input")
            browser.wait("Object.keys(localStorage).length === 1")
            heading = browser.value("document.querySelector('#count').textContent")
        with serving(folder) as again:
            browser.open(again)
            browser.wait("document.querySelectorAll('.choice input').length > 0")
            assert browser.value("document.querySelector('.choice input').checked")
            assert browser.value("document.querySelector('#count').textContent") == heading
            while browser.value("document.querySelector('h1').textContent") != "Thank you":
                answer_screen(browser, seen)
            assert findings(browser) == []
        assert not [each for each in browser.complaints if "ERR_CONNECTION" not in each]
        assert not [
            each for each in browser.requests if not each.startswith(("http://127.", "data:"))
        ]
    assert seen == {"How natural", "Do you hear", "Where does ", "How good is"}
    found = read_answers(find_results([location(folder)]), test)
    assert len(found) == sum(len(trial.rated) for trial in test.trials)
    for trial in test.trials:
        values = [a.value for a in found if a.trial == trial.name]
        if trial.question in ("mos", "fusion"):
            assert values[0] in (1, 2)
        else:  # sliders were where they were put: ever farther, in the order of the screen
            assert values == sorted(set(values))


def check_switching(browser: Browser) -> None:
    """Of all sounds that play, one is open."""
    browser.wait("document.querySelector('.player') !== null")
    address = "`/sounds/${(await (await fetch('/next')).json()).rated[0]}`"
    browser.value(
        f"(async () => {{ const own = (await import('/player.js')).Player; const at = {address};"
        "window.other = new own({a: at, b: at}, () => {}); await other.toggle(); })()"
    )
    levels = "String(Object.values(other.gains).map((each) => each.gain.value))"
    browser.wait(f"other.isPlaying && {levels} === '1,0'")
    browser.value("other.choose('b')")
    browser.wait(f"{levels} === '0,1'")
    browser.value("other.close()")


def check_headphones(browser: Browser, folder: Path) -> None:
    (record,) = (folder / "listeners").iterdir()
    places = right_places(read_test(location(folder)).id, record.stem, 0)
    for number, place in enumerate(places, 1):
        browser.wait(f"document.querySelector('legend').textContent.startsWith('Tone {number} ')")
        browser.press(" ")
        browser.wait("document.querySelector('#play').textContent === 'Pause'")
        browser.press(str(place + 1))
        browser.click("#content > p:last-child > .main")


def answer_screen(browser: Browser, seen: set[str]) -> None:
    """One trial: listens to everything, answers, goes on."""
    browser.wait("document.querySelector('.player') !== null")
    kind = browser.value("document.querySelector('h1').textContent")[:11]
    rows = browser.value("document.querySelectorAll('.row').length")
    browser.press(" ")
    browser.wait("document.querySelector('#play').textContent === 'Pause'")
    for number in range(1, rows + 1):
        browser.click(f".row:nth-child({number + 1}) input", 0.9 * number / (rows + 1))
        browser.wait(f"document.querySelectorAll('.row .heard').length === {number}")
    if not rows:
        browser.press("2")
        browser.wait("document.querySelector('#play.heard') !== null")
    if kind not in seen:
        assert findings(browser) == []
    seen.add(kind)
    browser.value("window.before = document.querySelector('#play'); true")
    browser.click("#content > p:last-child > .main")
    browser.wait("window.before !== document.querySelector('#play')")
