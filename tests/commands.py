"""``morphsep`` with words, in this process: to start another one costs a second or two."""

from __future__ import annotations

import contextlib
import io
import sys
from subprocess import CompletedProcess

import pytest

from morphsep.cli import main


def invoke(*arguments: object) -> CompletedProcess[str]:
    """How the command ended, and what it has printed."""
    words = [str(argument) for argument in arguments]
    said, complained = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        patch.setattr(sys, "argv", ["morphsep", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return CompletedProcess(words, ended.value.code, said.getvalue(), complained.getvalue())
