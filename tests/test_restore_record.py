"""What the record beside an access copy says, and goes on to say when that is made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from morphsep import manifest, provenance, restoration
from morphsep.access import rows
from tests import masters
from tests.commands import invoke
from tests.test_restore import MORPHED, restore


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declick that needs no network."""
    monkeypatch.setattr(restoration, "Declick", masters.Mute)


ODD = b'{"events": [{"eventDetailInformation": []}]}'


def events(access: Path) -> list[dict[str, Any]]:
    record = json.loads(Path(f"{access}.provenance.json").read_bytes())
    Draft202012Validator(provenance.schema()).validate(record)
    return list(record["events"])


def name(event: dict[str, Any]) -> str:
    return str(event["eventDetailInformation"][0]["eventDetail"])


def sources(event: dict[str, Any]) -> list[str]:
    return [
        each["linkingObjectIdentifierValue"]
        for each in event["linkingObjectIdentifier"]
        if each["linkingObjectRole"] == ["source"]
    ]


def without_links(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "linkingObjectIdentifier"}


def test_each_step_was_done_to_what_the_steps_before_it_left(tmp_path: Path) -> None:
    master = masters.write(tmp_path / "in/a.wav")
    options = ("--set-step", "declick.sensitivity=0.25")
    restore(master, tmp_path / "acc", *MORPHED, "--steps", "declick,dehiss", *options)
    declick, dehiss, timbre, fixity, made = events(tmp_path / "acc/a.wav")
    first, second, third = (f"a.wav.{step}.diff.flac" for step in ("declick", "dehiss", "timbre"))
    assert sources(declick) == ["a.wav (master)"] == sources(fixity)
    assert sources(dehiss) == ["a.wav (master)", first]
    assert sources(timbre) == ["a.wav (master)", first, second]
    assert sources(made) == ["a.wav (master)", first, second, third]
    (settings,) = declick["eventDetailInformation"][0]["eventDetailExtension"]
    assert settings["options"] == {"sensitivity": 0.25}
    invoke("restore", "-o", tmp_path / "acc", "--revert", "dehiss")
    *_, made = events(tmp_path / "acc/a.wav")
    assert sources(made) == ["a.wav (master)", first, third]


def test_what_is_taken_back_adds_to_the_record_and_takes_nothing_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LONGEST_LIST", 0)
    monkeypatch.setattr(masters.Found, "to_json", with_places)
    master, access = masters.write(tmp_path / "in/a.wav"), tmp_path / "acc/a.wav"
    restore(master, tmp_path / "acc", *MORPHED)
    before = events(access)
    monkeypatch.setattr("morphsep.access.recording.version", lambda name: "99")
    for asked in ("declick", "timbre:1-2", "none"):
        done = invoke("restore", "-o", tmp_path / "acc", "--revert", asked)
        assert done.returncode == 0, done.stdout
    after = events(access)
    for old, new in zip(before[:2], after, strict=False):
        assert without_links(old) == without_links(new)
    assert "@99" not in json.dumps(after[:2])
    assert [name(event) for event in after[2:]] == [
        *["access copy, replaced since"] * 3, "the master is what it was", "access copy"
    ]  # fmt: skip
    said = [event["eventDetailInformation"][0].get("eventDetailExtension") for event in after[2:5]]
    assert said[0] is None
    assert list(said[1][0]["reverted"]) == ["declick"]
    assert list(said[2][0]["reverted"]) == ["declick", "timbre"]
    (row,) = manifest.read_tracks(tmp_path / "acc")
    for step in manifest.steps_by_track(tmp_path / "acc", [row])["a.wav"]:
        assert (step.done_ns or 0) < step.finished_ns


def test_a_lost_record_is_written_anew_from_the_tables(tmp_path: Path) -> None:
    master, access = masters.write(tmp_path / "in/a.wav"), tmp_path / "acc/a.wav"
    restore(master, tmp_path / "acc", *MORPHED)
    declick, timbre, *_ = events(access)
    record = Path(f"{access}.provenance.json")
    for damaged in (None, b"{", ODD):
        record.unlink()
        if damaged is not None:
            record.write_bytes(damaged)
        assert invoke("restore", "-o", tmp_path / "acc", "--revert", "none").returncode == 0
        assert events(access)[:2] == [declick, timbre]


def with_places(self: masters.Found) -> dict[str, Any]:
    """A list that the table has no room for."""
    return {"step": self.step, "count": self.count, "places": list(range(self.count))}
