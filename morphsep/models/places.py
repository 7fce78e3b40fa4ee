"""Where weights are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def weights_dir() -> Path:
    """``$MORPHSEP_WEIGHTS``, else ``morphsep/weights`` in the user's cache folder."""
    own = os.environ.get("MORPHSEP_WEIGHTS")
    return Path(own).expanduser() if own else user_cache() / "morphsep" / "weights"


def user_cache() -> Path:
    """The user's folder for what can be had again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def existing(text: str) -> Path | None:
    """What lies at a path that a user wrote; None if nothing does, or no path can be so."""
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError):  # a name that is too long, the home of nobody
        return None
