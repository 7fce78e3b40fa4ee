"""The record beside a result: PREMIS 3 in JSON, names as in its Data Dictionary.

Units that PREMIS lets repeat are lists. `schema` has the form. Two records of the same events
differ by their dates alone.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from numbers import Integral, Real
from typing import Any

from morphsep.provenance.record import Event, File, Tool
from morphsep.storage import Location

FORM = "morphsep/provenance/1"
PREMIS = "3.0"
SUFFIX = ".provenance.json"


def sidecar_name(track: str) -> str:
    """What the record of a result is called."""
    return track + SUFFIX


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of records."""
    text = resources.files(__package__).joinpath("provenance.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def sidecar(events: Sequence[Event]) -> dict[str, Any]:
    """The record of what happened, in order.

    Raises:
        ValueError: two files of one name, a date without a time zone, or a value that is no JSON.
    """
    made = {file.name: event for event in events for file in event.outcomes if event.sources}
    identifiers = [_event_id(index, event) for index, event in enumerate(events)]
    known = dict(zip(map(id, events), identifiers, strict=True))
    return {
        "form": FORM,
        "premisVersion": PREMIS,
        "objects": [
            _object(file, made.get(file.name), known) for file in _files(events)
        ],
        "events": [_event(*each) for each in zip(events, identifiers, strict=True)],
        "agents": [_agent(tool) for tool in _tools(events)],
    }  # fmt: skip


def write_sidecar(place: Location, events: Sequence[Event]) -> None:
    """Writes the record, whole or not at all.

    Raises:
        ValueError: see `sidecar`.
    """
    text = json.dumps(sidecar(events), indent=1, ensure_ascii=False, allow_nan=False)
    place.write_bytes(f"{text}\n".encode("utf-8", "backslashreplace"))


def _files(events: Iterable[Event]) -> list[File]:
    """Each once, in the order in which events name them."""
    found: dict[str, File] = {}
    for event in events:
        for file in (*event.sources, *event.outcomes):
            if found.setdefault(file.name, file) != file:
                raise ValueError(f"{file.name} is two files")
    return list(found.values())


def _tools(events: Iterable[Event]) -> list[Tool]:
    tools = {_purl(tool): tool for event in events for tool in event.tools}
    return [tools[purl] for purl in sorted(tools)]


def _object(file: File, made_by: Event | None, known: Mapping[int, str]) -> dict[str, Any]:
    characteristics: dict[str, Any] = {
        "compositionLevel": 0,
        "fixity": [
            {"messageDigestAlgorithm": name, "messageDigest": value}
            for name, value in sorted(file.digests.items())
        ],
    }
    if file.size is not None:
        characteristics["size"] = file.size
    if file.format:
        characteristics["format"] = [_format(file)]
    described: dict[str, Any] = {
        "objectIdentifier": [_file_id(file)],
        "objectCategory": "bitstream" if file.is_sound else "file",
        "objectCharacteristics": [characteristics],
    }
    if file.original_name:
        described["originalName"] = file.original_name
    if made_by is not None:
        described["relationship"] = [
            {
                "relationshipType": "derivation",
                "relationshipSubType": "has source",
                "relatedObjectIdentifier": [_file_id(source) for source in made_by.sources],
                "relatedEventIdentifier": [_id("event", "UUID", known[id(made_by)])],
            }
        ]
    return described


def _format(file: File) -> dict[str, Any]:
    described: dict[str, Any] = {"formatDesignation": {"formatName": file.format}}
    return described | ({"formatNote": [file.coding]} if file.coding else {})


def _event(event: Event, identifier: str) -> dict[str, Any]:
    detail: dict[str, Any] = {"eventDetail": event.name}
    if event.settings:
        detail["eventDetailExtension"] = [_plain(event.settings)]
    told: dict[str, Any] = {}
    if event.note:
        told["eventOutcomeDetailNote"] = event.note
    if event.findings:
        told["eventOutcomeDetailExtension"] = [_plain(event.findings)]
    outcome: dict[str, Any] = {"eventOutcome": event.outcome}
    return {
        "eventIdentifier": _id("event", "UUID", identifier),
        "eventType": event.type,
        "eventDateTime": _date(event.at),
        "eventDetailInformation": [detail],
        "eventOutcomeInformation": [outcome | ({"eventOutcomeDetail": [told]} if told else {})],
        "linkingAgentIdentifier": [
            _id("linkingAgent", "purl", _purl(tool)) | {"linkingAgentRole": ["executing program"]}
            for tool in event.tools
        ],
        "linkingObjectIdentifier": [
            _id("linkingObject", "name", file.name) | {"linkingObjectRole": [role]}
            for role, files in (("source", event.sources), ("outcome", event.outcomes))
            for file in files
        ],
    }


def _agent(tool: Tool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "agentIdentifier": [_id("agent", "purl", _purl(tool))],
        "agentName": [tool.name],
        "agentType": "software",
        "agentVersion": tool.version,
    }
    return described | ({"agentNote": [tool.note]} if tool.note else {})


def _file_id(file: File) -> dict[str, str]:
    return _id("object", "name", file.name)


def _id(of: str, kind: str, value: str) -> dict[str, str]:
    return {f"{of}IdentifierType": kind, f"{of}IdentifierValue": value}


def _purl(tool: Tool) -> str:
    """A package URL."""
    return f"pkg:pypi/{tool.name.lower().replace('_', '-')}@{tool.version}"


def _event_id(index: int, event: Event) -> str:
    """Depends on what happened, not on when."""
    told = [
        index, event.type, event.name, _plain(event.settings), sorted(map(_purl, event.tools)),
        [[file.name, dict(file.digests)] for file in (*event.sources, *event.outcomes)],
    ]  # fmt: skip
    text = json.dumps([FORM, *told], sort_keys=True, allow_nan=False)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def _date(at: datetime) -> str:
    """UTC, to the second."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> Any:
    """The value as JSON has it; what is no finite number (the level of silence) is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    raise ValueError(f"{value!r} is no JSON")
