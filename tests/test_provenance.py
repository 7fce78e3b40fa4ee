"""Records beside results, and bags: as the standards have them, and the same for the same work."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from morphsep import provenance
from morphsep.errors import SettingError
from morphsep.provenance import Event, File, Tool
from morphsep.storage import Location, location
from tests.object_store import ObjectStore

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "provenance.md"
ON = date(2026, 5, 4)
AT = datetime(2026, 5, 4, 3, 2, 1, 999_999, UTC)
VALIDATOR = Draft202012Validator(
    provenance.schema(), format_checker=Draft202012Validator.FORMAT_CHECKER
)


def file(name: str, **values: Any) -> File:
    digests = {"SHA-256": hashlib.sha256(name.encode()).hexdigest()}
    return File(**{"name": name, "digests": digests, "format": "WAV", "size": 9, **values})


MORPHSEP = Tool(name="morphsep", version="1.2")
MASTER = file("Größe.wav", coding="PCM_24", original_name="s3://bucket/Größe.wav")
SOUND = file("Größe.wav, sound", digests={"MD5": "0" * 32}, is_sound=True, size=None, format="")
COPY = file("out/Größe.wav", coding="PCM_24")
DIFFERENCE = file("out/Größe.declick.diff.wav")


def events(at: datetime = AT) -> list[Event]:
    return [
        Event(
            type="fixity check", name="master", at=at, tools=(MORPHSEP,), sources=(MASTER, SOUND),
        ),
        Event(
            type="modification", name="declick", at=at + timedelta(seconds=3),
            tools=(MORPHSEP, Tool(name="grooveclean", version="1.2.1", note="MIT")),
            settings={"threshold_db": 3.5, "to": ["a", None], "on": True},
            findings={"repairs": 12, "noise_floor_dbfs": float("-inf")}, outcome="warning",
            note="12 repairs", sources=(MASTER,), outcomes=(COPY, DIFFERENCE),
        ),
    ]  # fmt: skip


def written(folder: Path, told: list[Event]) -> bytes:
    place = location(folder) / provenance.sidecar_name("Größe.wav")
    provenance.write_sidecar(place, told)
    return place.read_bytes()


def test_a_record_is_valid_and_says_everything(tmp_path: Path) -> None:
    record = json.loads(written(tmp_path, events()))
    VALIDATOR.validate(record)
    by_name = {
        each["objectIdentifier"][0]["objectIdentifierValue"]: each for each in record["objects"]
    }
    assert list(by_name) == [MASTER.name, SOUND.name, COPY.name, DIFFERENCE.name]
    (characteristics,) = by_name[COPY.name]["objectCharacteristics"]
    assert characteristics["fixity"][0]["messageDigest"] == COPY.digests["SHA-256"]
    assert by_name[SOUND.name]["objectCategory"] == "bitstream"
    assert by_name[MASTER.name]["originalName"] == MASTER.original_name
    check, step = record["events"]
    (relation,) = by_name[DIFFERENCE.name]["relationship"]
    assert relation["relatedEventIdentifier"] == [step["eventIdentifier"]]
    assert relation["relatedObjectIdentifier"][0]["objectIdentifierValue"] == MASTER.name
    assert "relationship" not in by_name[MASTER.name]
    assert (check["eventDateTime"], step["eventDateTime"]) == (
        "2026-05-04T03:02:01Z", "2026-05-04T03:02:04Z",
    )  # fmt: skip
    (detail,) = step["eventDetailInformation"]
    assert detail["eventDetailExtension"] == [{"threshold_db": 3.5, "to": ["a", None], "on": True}]
    (outcome,) = step["eventOutcomeInformation"]
    assert outcome["eventOutcome"] == "warning"
    assert outcome["eventOutcomeDetail"] == [
        {
            "eventOutcomeDetailNote": "12 repairs",
            "eventOutcomeDetailExtension": [{"repairs": 12, "noise_floor_dbfs": None}],
        }
    ]
    assert [agent["agentName"] for agent in record["agents"]] == [["grooveclean"], ["morphsep"]]
    purls = {agent["agentIdentifier"][0]["agentIdentifierValue"] for agent in record["agents"]}
    linked = {
        link["linkingAgentIdentifierValue"]
        for event in record["events"]
        for link in event["linkingAgentIdentifier"]
    }
    assert linked == purls == {"pkg:pypi/morphsep@1.2", "pkg:pypi/grooveclean@1.2.1"}


def test_only_dates_tell_two_records_of_one_work_apart(tmp_path: Path) -> None:
    first = written(tmp_path, events())
    assert written(tmp_path, events()) == first
    there = timezone(timedelta(hours=5))
    assert written(tmp_path, events(AT.astimezone(there))) == first
    later, before = (
        json.loads(text) for text in (written(tmp_path, events(AT + timedelta(days=1))), first)
    )
    assert later != before
    for record in (later, before):
        for event in record["events"]:
            del event["eventDateTime"]
    assert later == before
    other = events()
    other[1] = replace(other[1], settings={"threshold_db": 4.0})
    ids = [
        [event["eventIdentifier"]["eventIdentifierValue"] for event in record["events"]]
        for record in (before, json.loads(written(tmp_path, other)))
    ]
    assert ids[0][0] == ids[1][0]
    assert ids[0][1] != ids[1][1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=3), st.text(min_size=1), st.text(min_size=1))
def test_whatever_was_set_the_record_is_valid(values: dict[str, Any], name: str, note: str) -> None:
    event = replace(
        events()[1], name=name, note=note, settings=values, findings=values,
        outcomes=(file(name + "!"),),
    )  # fmt: skip
    record = provenance.sidecar([event])
    VALIDATOR.validate(record)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def changes(value: Any) -> Iterator[tuple[list[Any], Any]]:
    """Where in a record something required, or a name, can be spoilt, and by what."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from (([key, *path], by) for path, by in changes(each))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from (([index, *path], by) for path, by in changes(each))
    else:
        yield [], {"not": "this"}


def test_the_schema_refuses_what_is_no_record() -> None:
    record = provenance.sidecar(events())
    places = [
        (path, by)
        for path, by in changes(record)
        if not any(str(each).endswith("Extension") for each in path)
    ]
    assert len(places) > 60
    for path, by in places:
        spoilt = copy.deepcopy(record)
        around: Any = spoilt
        for step in path[:-1]:
            around = around[step]
        around[path[-1]] = by
        with pytest.raises(ValidationError):
            VALIDATOR.validate(spoilt)
    for spoilt in ({}, {**record, "events": []}, {**record, "more": 1}):
        with pytest.raises(ValidationError):
            VALIDATOR.validate(spoilt)


def test_the_documented_record_is_valid() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    VALIDATOR.validate(json.loads(example))


def test_what_cannot_be_said_is_refused(tmp_path: Path) -> None:
    step = events()[1]
    for wrong in (
        replace(step, at=AT.replace(tzinfo=None)),
        replace(step, outcomes=(replace(MASTER, size=10),)),
        replace(step, settings={"x": object()}),
    ):
        with pytest.raises(ValueError, match=r"time zone|two files|no JSON"):
            written(tmp_path, [wrong])
    assert not list(tmp_path.iterdir())


def test_a_generated_part_is_said() -> None:
    terms = [provenance.source_type(is_generated=each) for each in (False, True)]
    assert [term.rpartition("/")[2] for term in terms] == [
        "algorithmicallyEnhanced", "compositeWithTrainedAlgorithmicMedia",
    ]  # fmt: skip


CONTENT = {
    "Größe.wav": b"sound" * 400_000, "report/Größe.wav.html": b"<html>", "a b%20c;d'\".txt": b"",
}  # fmt: skip


@pytest.fixture
def payload(tmp_path: Path) -> dict[str, Location]:
    for name, content in CONTENT.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {name: location(tmp_path / "from" / name) for name in CONTENT}


def make(bag: Location, payload: dict[str, Location]) -> None:
    info = {"External-Description": "a reel\nwith two lines"}
    provenance.write_bag(bag, payload, info, ON)


def lines_of(bag: Location, name: str) -> dict[str, str]:
    """By path: the digests of a manifest."""
    lines = (bag / name).read_bytes().decode().splitlines()
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def check(bag: Location) -> None:
    """What RFC 8493 asks of a valid bag."""
    names = {each.text.removeprefix(f"{bag.text}/") for each in bag.walk()}
    tags = {"bagit.txt", "bag-info.txt", "manifest-sha256.txt"}
    manifest, listed = (lines_of(bag, f"{kind}-sha256.txt") for kind in ("manifest", "tagmanifest"))
    assert names == {*tags, "tagmanifest-sha256.txt", *manifest}
    assert set(listed) == tags
    for name, digest in {**manifest, **listed}.items():
        assert hashlib.sha256((bag / name).read_bytes()).hexdigest() == digest
    assert {name: (bag / f"data/{name}").read_bytes() for name in CONTENT} == CONTENT
    said = (bag / "bag-info.txt").read_bytes().decode().splitlines()
    total = sum(map(len, CONTENT.values()))
    assert "Bagging-Date: 2026-05-04" in said
    assert "External-Description: a reel with two lines" in said
    assert f"Payload-Oxum: {total}.{len(CONTENT)}" in said


def test_a_bag_is_valid_and_the_same_again(tmp_path: Path, payload: dict[str, Location]) -> None:
    bag = location(tmp_path / "bags" / "bag")
    make(bag, payload)
    check(bag)
    first = {each.text: each.read_bytes() for each in bag.walk()}
    make(bag, payload)
    assert {each.text: each.read_bytes() for each in bag.walk()} == first
    assert [each.name for each in (tmp_path / "bags").iterdir()] == ["bag"]


def test_the_library_bagit_accepts_it(tmp_path: Path, payload: dict[str, Location]) -> None:
    bagit = pytest.importorskip("bagit")
    make(location(tmp_path / "bag"), payload)
    bag = bagit.Bag(str(tmp_path / "bag"))
    bag.validate()
    assert bag.info["Payload-Oxum"] == f"{sum(map(len, CONTENT.values()))}.{len(CONTENT)}"
    (tmp_path / "bag" / "data" / "Größe.wav").write_bytes(b"other")
    with pytest.raises(bagit.BagValidationError):
        bag.validate()


def test_a_bag_in_a_bucket(
    tmp_path: Path, payload: dict[str, Location], server: ObjectStore
) -> None:
    with server.used():
        bag = location(server.url("bags/bag"))
        make(bag, payload)
        check(bag)
        gone = {**payload, "gone": location(tmp_path / "gone")}
        with pytest.raises(FileNotFoundError):
            make(bag, gone)
        assert bag.walk() == []
        (bag / "in-the-making.txt").write_bytes(b"as a killed run left it")
        (bag / "data/x").write_bytes(b"x")
        make(bag, payload)
        check(bag)


def test_after_a_fault_there_is_no_bag(tmp_path: Path, payload: dict[str, Location]) -> None:
    bag = location(tmp_path / "bags" / "bag")
    with pytest.raises(FileNotFoundError):
        make(bag, {**payload, "z": location(tmp_path / "gone")})
    assert list((tmp_path / "bags").iterdir()) == []
    make(bag, payload)
    with pytest.raises(FileNotFoundError):
        make(bag, {**payload, "z": location(tmp_path / "gone")})
    check(bag)  # the one before


def test_a_full_disk_leaves_no_bag(small_disk: Path, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(20 << 20))
    with pytest.raises(OSError, match="space"):
        make(location(small_disk / "bag"), {"large": location(large)})
    assert not list(small_disk.iterdir())


def test_other_folders_are_left_alone(tmp_path: Path, payload: dict[str, Location]) -> None:
    folder, note = location(tmp_path / "mine"), location(tmp_path / "note.txt")
    (folder / "letter.txt").write_bytes(b"dear")
    note.write_bytes(b"note")
    for place in (folder, note):
        with pytest.raises(SettingError, match="choose another place"):
            make(place, payload)
    assert (folder / "letter.txt").read_bytes() == b"dear"
    assert note.read_bytes() == b"note"


@pytest.mark.parametrize(
    "name", ["a\nb", "a%0Ab", " a", "a\u2028b", "a\r", "../a", "/a", "a//b", "\udcff"]
)
def test_names_that_a_bag_cannot_hold(
    tmp_path: Path, payload: dict[str, Location], name: str
) -> None:
    with pytest.raises(SettingError, match="rename the file"):
        make(location(tmp_path / "bag"), {name: payload["Größe.wav"]})
    assert not (tmp_path / "bag").exists()
    with pytest.raises(SettingError, match="nothing to put into it"):
        make(location(tmp_path / "bag"), {})
