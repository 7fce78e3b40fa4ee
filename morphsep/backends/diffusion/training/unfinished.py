"""``ADAPTER.training``: the folder of a training that has not ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from morphsep.errors import SettingError
from morphsep.storage import whole


@contextmanager
def at_work(folder: Path, key: str, resume: bool) -> Iterator[None]:
    """Makes or takes over the folder, locked within the context.

    Args:
        key: digest of everything that the result depends on.
        resume: keep what an earlier training of the same key left; False removes it.

    Raises:
        SettingError: another process trains there, or the training there has another key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingError(f"another process is training in {folder}; wait for it") from None
    try:
        _take_over(folder, key, resume)
        yield
    finally:
        lock.release()


def _take_over(folder: Path, key: str, resume: bool) -> None:
    mark = folder / "key"
    if not resume:
        for path in (*folder.glob("*.safetensors"), folder / "state.pt"):
            path.unlink(missing_ok=True)
    elif mark.exists() and mark.read_text(encoding="utf-8") != key:
        raise SettingError(
            f"{folder} holds an unfinished training with other settings or clips; train with "
            "those, or say --no-resume to begin again"
        )
    with whole(mark) as part:
        part.write_text(key, encoding="utf-8")
