"""Files on the Hugging Face hub, by its own library, which knows its tokens, proxies and mirrors.

``$HF_ENDPOINT`` names another hub. The library checks sizes; the checksum that the hub promises for
a file is checked here, and a file that does not come whole leaves nothing behind.
"""

from __future__ import annotations

import errno
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from morphsep.models.checksums import sha256_of
from morphsep.models.download import DownloadError, Progress, any_answers, is_offline, matching

SHA256_DIGITS = 64


def hub_url(repository: str, file: str) -> str:
    """Where a file of a repository (``owner/name``) is served."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(repository, file, endpoint=_endpoint())


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def probe_hub(url: str, timeout: float) -> None:
    """Raises an exception if the hub does not have this file or does not answer in time."""
    from huggingface_hub import get_hf_file_metadata

    _refuse_offline(url)
    get_hf_file_metadata(url, timeout=timeout)


def hub_answers(repository: str, file: str, timeout: float = 10.0) -> bool:
    """Whether the hub has a file of a repository and says so within `timeout` seconds."""
    return any_answers([partial(probe_hub, hub_url(repository, file), timeout)], timeout)


def fetch_from_hub(
    repository: str, file: str, target: Path, *, sha256: str = "", progress: Progress | None = None
) -> str:
    """Bring a file of a repository to `target`; return its sha256.

    One process at a time: the caller holds a lock. Connections that break are taken up again by the
    library, for as long as anything arrives.

    Args:
        sha256: the checksum, or its first digits, if known beforehand.

    Raises:
        DownloadError: it is not there, does not come, or is not what the hub or `sha256` says.
    """
    url = hub_url(repository, file)
    _refuse_offline(url)
    folder = target.with_name(".hub")
    shutil.rmtree(folder, ignore_errors=True)  # a killed process may have left it
    try:
        promised = _fetch_into(folder, repository, file, progress)
        os.replace(folder / file, target)
    except Exception as error:  # the library's HTTP client has errors of its own
        raise DownloadError(_sentence(url, target, error)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return matching(url, sha256_of(target), (sha256, promised))


def _fetch_into(folder: Path, repository: str, file: str, progress: Progress | None) -> str:
    """Fetch the file; return the sha256 that the hub promises for it, or nothing."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download

    endpoint, bar = _endpoint(), type("Bar", (_Bar,), {"progress": staticmethod(progress or _mute)})
    known = get_hf_file_metadata(hub_url(repository, file), retry_on_errors=True)
    hf_hub_download(
        repository,
        file,
        revision=known.commit_hash,  # the same file, though the branch may move meanwhile
        local_dir=folder,
        force_download=True,  # the library's cache may hold a damaged copy
        endpoint=endpoint,
        tqdm_class=bar,
    )
    etag = known.etag or ""
    return etag if len(etag) == SHA256_DIGITS else ""


def _mute(done: int, total: int | None) -> None:
    """Report to nobody; without a bar of ours the library would draw its own."""


class _Bar:
    """What the library takes for a progress bar; hands on how much of the file is there."""

    progress: Progress

    def __init__(self, *, total: int | None = None, initial: int = 0, **_settings: Any) -> None:
        self.total, self.n = total, initial

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, n: int) -> None:
        self.n += n
        self.progress(self.n, self.total)

    def update_transfer(self, n: int) -> None:
        """Bytes on the network: not those of the file where chunks are compressed or known."""

    def set_postfix_str(self, *_text: object, **_settings: object) -> None:
        pass

    set_transfer_postfix_str = set_postfix_str

    def close(self) -> None:
        pass


def _refuse_offline(url: str) -> None:
    if is_offline():
        raise DownloadError(f"{url} was not opened: offline is set.")


def _sentence(url: str, target: Path, error: Exception) -> str:
    """What has gone wrong, in one line."""
    if getattr(error, "errno", None) == errno.ENOSPC:
        return f"The disk is full: {target.parent} cannot hold {url}."
    answer = getattr(error, "response", None)
    if answer is not None:
        return f"{url} answers {answer.status_code} {answer.reason_phrase}."
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{url} did not arrive: {reason}"
