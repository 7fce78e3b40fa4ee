"""What the record beside an access copy says, before the copy is made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from morphsep import provenance
from morphsep.errors import SettingError
from morphsep.provenance import Event, Tool
from morphsep.storage import Location

MADE, REPLACED = "access copy", "access copy, replaced since"
"""Names of the events that made the access copy that is there, and those before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What is known from a record alone."""

    findings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """All that each step has found, by its name; the table `steps` leaves long lists out."""
    made: Sequence[Event] = ()
    """When and how the access copy was made so far, in order."""


def earlier(out: Location, track: str) -> Earlier:
    """From the record of a track; nothing if that is lost or damaged.

    Raises:
        SettingError: the storage refuses.
    """
    try:
        record = (out / provenance.sidecar_name(track)).read_json()
    except SettingError:
        raise
    except ValueError:
        return Earlier()
    try:
        return _parse(record["events"]) if record else Earlier()
    except (AttributeError, LookupError, TypeError, ValueError):
        return Earlier()


def _parse(events: Sequence[Mapping[str, Any]]) -> Earlier:
    made = [event for event in events if _name(event) in (MADE, REPLACED)]
    return Earlier(
        findings={_name(event): found for event in events if (found := _findings(event))},
        made=[_replaced(event) for event in made],
    )


def _name(event: Mapping[str, Any]) -> str:
    return str(event["eventDetailInformation"][0]["eventDetail"])


def _findings(event: Mapping[str, Any]) -> dict[str, Any]:
    (detail,) = event["eventOutcomeInformation"][0].get("eventOutcomeDetail", [{}])
    (found,) = detail.get("eventOutcomeDetailExtension", [{}])
    return dict(found)


def _replaced(event: Mapping[str, Any]) -> Event:
    (settings,) = event["eventDetailInformation"][0].get("eventDetailExtension", [{}])
    purls = [agent["linkingAgentIdentifierValue"] for agent in event["linkingAgentIdentifier"]]
    named = (purl.rpartition("/")[2].partition("@") for purl in purls)
    return Event(
        type="creation", name=REPLACED, at=datetime.fromisoformat(event["eventDateTime"]),
        tools=tuple(Tool(name=name, version=version) for name, _, version in named),
        settings=settings,
    )  # fmt: skip
