"""Arithmetic on paths and URIs as users write them, without looking at what lies there."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence

from morphsep.errors import SettingError
from morphsep.storage.locations import location


def is_remote(text: str) -> bool:
    """Whether a text names something that is not on this machine's file system."""
    return "://" in text and not location(text).is_local


def absolute(text: str) -> str:
    """The absolute path, or the URI.

    >>> absolute("s3://bucket//in/a.wav")
    's3://bucket/in/a.wav'
    """
    return location(text).text


def identity(text: str) -> str:
    """Equal for two texts that name the same file, links followed."""
    return text if is_remote(text) else os.path.realpath(text)


class Identities:
    """`identity` of many absolute names: each folder is looked up once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        if is_remote(text):
            return text
        folder, name = os.path.split(text)
        path = os.path.join(self.of_folder(folder), name)
        return os.path.realpath(path) if os.path.islink(path) else path

    def of_folder(self, text: str) -> str:
        """The same of a folder, looked up once even if it is a link."""
        if text not in self._folders:
            self._folders[text] = identity(text)
        return self._folders[text]


def folder_of(text: str) -> str:
    """The folder that something lies in."""
    return location(text).parent.text


def beside(folder: str, text: str) -> str:
    """What `text` names if it was written down in `folder`.

    >>> beside("s3://bucket/lists", "../in/a.wav")
    's3://bucket/in/a.wav'
    """
    if "://" in text or not is_remote(folder):
        return text if "://" in text else os.path.join(folder, text)
    scheme, _, path = folder.partition("://")
    return f"{scheme}://{posixpath.normpath(posixpath.join(path, text))}"


def relative(text: str, base: str) -> str:
    """The way from a folder to what lies below it.

    >>> relative("s3://bucket/in/b/a.wav", "s3://bucket/in")
    'b/a.wav'
    """
    if is_remote(text):
        return absolute(text).removeprefix(f"{base.rstrip('/')}/")
    return os.path.relpath(text, base)


def common(folders: Sequence[str]) -> str:
    """The deepest folder that holds all of these.

    Raises:
        SettingError: there is none: they are in several stores.

    >>> common(["s3://bucket/in/a", "s3://bucket/in/b"])
    's3://bucket/in'
    """
    if not folders:
        return os.curdir
    stores = {folder.partition("://")[0] if is_remote(folder) else "" for folder in folders}
    try:
        if stores == {""}:
            return os.path.commonpath(folders)
        (store,) = stores
        paths = [folder.partition("://")[2] for folder in folders]
        return f"{store}://{posixpath.commonpath(paths)}"
    except ValueError as error:
        raise SettingError(
            "the inputs have no folder in common: name those of each store in a run of their own"
        ) from error
