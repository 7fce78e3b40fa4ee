"""What can go wrong, and who has to act.

    MorphsepError
    |-- SettingError    the user's command or configuration: stops the run before it starts
    |   |-- RefusedError    an object store denies access: also in the middle of a run
    |   `-- NotHereError    weights that would have to be fetched, where that is forbidden
    `-- TrackError      one file's fault: becomes that track's row, the batch goes on

Anything else that escapes is a bug; the stages turn it into a row with the code ``internal`` and
log its traceback, so that the batch goes on.
"""

from __future__ import annotations

from typing import Literal, get_args

ErrorCode = Literal[
    "not_found",
    "is_a_folder",
    "no_permission",
    "empty_file",
    "not_audio",
    "truncated",
    "too_many_channels",
    "non_finite",
    "needs_ffmpeg",
    "unsupported_rate",
    "inside_output",
    "duplicate",
    "bad_name",
    "output_taken",
    "stem_not_found",
    "stem_does_not_fit",
    "not_same_take",
    "poor_stem",
    "no_guitar",
    "licence_forbids",
    "lossy_master",
    "beyond_bounds",
    "format_not_possible",
    "would_clip",
    "disk_full",
    "out_of_memory",
    "changed_while_read",
    "storage",
    "worker_lacks",
    "worker_killed",
    "internal",
]
"""Every error code that a row of the manifest can have; docs/reference/errors.md says what to do
about each."""

ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)


class MorphsepError(Exception):
    """Base of everything that morphsep raises on purpose."""


class SettingError(MorphsepError, ValueError):
    """A setting that cannot work. Found before any file is touched: the CLI exits with 1. What only
    a worker can find out becomes a row with the code ``worker_lacks``."""


class RefusedError(SettingError):
    """An object store denies access: no such bucket, or credentials that are missing, wrong or
    expired."""


class NotHereError(SettingError):
    """Weights are not on this machine, and nothing may be fetched."""


class TrackError(MorphsepError):
    """One file cannot be processed. Becomes a row with ``status = failed``; the run goes on."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[TrackError], tuple[ErrorCode, str]]:
        return TrackError, (self.code, self.message)
