"""The process that morphs: one file after another, until it is told to end or dies of one."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

AMOUNTS = (0.0, 1.0)
"""A file is morphed by each, into a folder of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one file at one amount."""

    status: str
    """ok, failed, refused (a setting), or raised."""
    code: str = ""
    message: str = ""
    """Of the row, or a traceback."""
    output: Path | None = None
    num_samples: int = 0
    tags_warning: str = ""
    format: str = ""


def work(jobs: Connection) -> None:
    """Receives (input, folder for results), sends an `Answer` for each amount; None ends it."""
    while (job := jobs.recv()) is not None:
        path, out = job
        for amount in AMOUNTS:
            jobs.send(_answer(path, out / f"{amount:g}", amount))


def _answer(path: Path, out: Path, amount: float) -> Answer:
    from morphsep import morph_file
    from morphsep.errors import SettingError, TrackError

    try:
        row = morph_file(path, out, to="chorus", amount=amount, separator="none", uniform=False)
    except TrackError as error:
        return Answer(status="failed", code=error.code, message=error.message)
    except SettingError as error:
        return Answer(status="refused", code="setting", message=str(error))
    except Exception:
        return Answer(status="raised", message=traceback.format_exc())
    return Answer(
        status="ok",
        output=out / (row.output or ""),
        num_samples=row.num_samples or 0,
        tags_warning=row.tags_warning or "",
        format=row.format or "",
    )
