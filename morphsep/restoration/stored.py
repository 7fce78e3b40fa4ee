"""Findings as they are kept beside a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from morphsep.restoration.declick import DeclickFindings
from morphsep.restoration.dehiss import DehissFindings
from morphsep.restoration.dehum import DehumFindings
from morphsep.restoration.speed import SpeedFindings
from morphsep.restoration.step import Findings


def findings_from_json(stored: Mapping[str, Any]) -> Findings:
    """What a step's ``Findings.to_json`` has made.

    Raises:
        ValueError: no step has made it.
    """
    match stored.get("step"):
        case "declick":
            return DeclickFindings.from_json(stored)
        case "dehum":
            return DehumFindings.from_json(stored)
        case "dehiss":
            return DehissFindings.from_json(stored)
        case "speed":
            return SpeedFindings.from_json(stored)
        case other:
            raise ValueError(f"no step {other!r} keeps findings")
