"""The names of results below the output folder: each follows from its input's name alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from morphsep.errors import SettingError
from morphsep.request.extensions import LOSSY, extension, format_named, is_audio
from morphsep.request.job import Command, Job
from morphsep.request.settings import Settings
from morphsep.storage import absolute


def new_job(
    path: str, below: str, settings: Settings, command: Command, output: str | None = None
) -> Job:
    """The job on an input.

    Args:
        path: the input.
        below: its path below the folder that all inputs share; decides the result's name.
        output: the result's name below the output folder, where the user chose it, or the folder
            that it lies in, with a slash at its end.

    Raises:
        SettingError: `output` names no file, or the input is the root of all folders.
    """
    if output is None or output.endswith("/"):
        name = Path(os.path.normpath(output), Path(below).name) if output else Path(below)
        if not name.name:
            raise SettingError(f"{path} is a folder; name a file")
        named = output_name(name.name, settings, command)
    else:
        name = Path(os.path.normpath(output))
        if name.name in ("", os.pardir):
            raise SettingError(f"the output {output!r} of {path} is not a file name")
        if settings.format is None:
            settings = replace(settings, format=format_named(output))
        named = _chosen_name(name.name, path, settings, command)
    track = str(PurePosixPath(name).with_name(named))
    return Job(track=track, path=absolute(path), settings=settings)


def output_name(name: str, settings: Settings, command: Command) -> str:
    """The result's name. Where the extension changes, the input's own stays inside, so that no two
    inputs of a folder have one result: ``x.mp3`` becomes ``x.mp3.flac``.
    """
    written = _extension(name, settings, command)
    root, own = os.path.splitext(name)
    return _joined(root if own == f".{written}" else name, written, command)


def whole_output_name(name: str, settings: Settings, command: Command) -> str:
    """The same with the input's extension inside it in any case: ``x.flac.flac``."""
    return _joined(name, _extension(name, settings, command), command)


def output_name_before(name: str, settings: Settings, command: Command) -> str:
    """The result's name as it was up to version 3 of the manifest's schema, for an input that had
    a name of its own: ``x.mp3`` became ``x.flac``."""
    written = _extension(name, settings, command)
    written = written.lower() if command == "separate" else written
    return _joined(os.path.splitext(name)[0], written, command)


def _chosen_name(name: str, path: str, settings: Settings, command: Command) -> str:
    """A name that the user chose, with the extension of what is written."""
    if is_audio(name):
        return _joined(os.path.splitext(name)[0], _extension(name, settings, command), command)
    # what follows a dot is part of a title
    return _joined(name, _extension(Path(path).name, settings, command), command)


def _joined(root: str, written: str, command: Command) -> str:
    part = ".guitar" if command == "separate" else ""
    return f"{root}{part}.{written}" if written else f"{root}{part}"


def _extension(name: str, settings: Settings, command: Command) -> str:
    """The extension of what is written for an input of this name."""
    own = os.path.splitext(name)[1][1:]
    if command == "generate":
        return own
    if settings.format is None and command in ("morph", "restore"):
        return "flac" if extension(name) in LOSSY else own
    written = (settings.format or "wav").lower()
    # the input's own spelling of it stays: .WAV, .aif
    is_own = own.lower() == written or (command != "separate" and format_named(name) == written)
    return own if is_own else written
