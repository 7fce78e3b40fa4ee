"""The port and token that a server had: links and open pages work again after a new start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from morphsep.errors import SettingError
from morphsep.serving.address import Address
from morphsep.storage import whole

if TYPE_CHECKING:
    from morphsep.storage import Location


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a server was reached by last."""

    port: int
    token: str


def read_remembered(place: Location) -> Remembered | None:
    """What `remember` has written; None if nothing.

    Raises:
        SettingError: it is damaged.
    """
    try:
        told = place.read_json()
        if told is None:
            return None
        found = Remembered(int(told["port"]), str(told["token"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SettingError(f"{place} is damaged; remove it, and there will be new links") from error
    if len(found.token) < 16 or not 0 < found.port < 65536:
        raise SettingError(f"{place} is damaged; remove it, and there will be new links")
    return found


def remember(place: Location, address: Address) -> None:
    """Writes a file that only its owner may read."""
    text = json.dumps(asdict(Remembered(address.port, address.token)), indent=1)
    with whole(place.path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
