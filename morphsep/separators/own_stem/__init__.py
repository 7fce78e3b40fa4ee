"""The user's own stem as a separator: found, aligned, checked."""

from morphsep.separators.own_stem.own_stem import OwnStem, resolve_stem

__all__ = ["OwnStem", "resolve_stem"]
