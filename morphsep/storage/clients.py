"""Connections to object stores: where they are, who we are, how long we wait."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morphsep.errors import RefusedError, SettingError
from morphsep.storage.faults import StorageError, patiently

if TYPE_CHECKING:
    from obstore.store import S3Config

WAIT = timedelta(seconds=30)
"""How long an answer may take to begin, or to go on."""

LONGEST = timedelta(seconds=300)
"""How long a transfer may take: of a part of an upload, a block of a download."""

PART_RETRIES = 3
"""Times that one part of an upload is sent again before the whole upload is begun anew."""

_users: set[int] = set()
"""The processes that have used object stores: this one, and a parent that it was forked from."""


def client(uri: str, bulk: bool = False) -> tuple[Any, str]:
    """(obstore's store, the key in it) of a URI.

    Args:
        bulk: for uploads in parts, and for many keys in one request.

    Raises:
        RefusedError: there is no such bucket, or no such profile.
        StorageError: there is no way to it.
    """
    scheme, _, path = uri.partition("://")
    bucket, _, key = path.partition("/")
    # the library's threads do not survive a fork, and the child would wait for them for ever
    _users.add(os.getpid())
    if len(_users) > 1:
        raise StorageError(
            "this process was forked from one that uses object stores; start it by spawn instead"
        )
    return _client(scheme, bucket, _endpoint(), bulk), key


def by_bucket(uris: Iterable[str]) -> dict[str, list[str]]:
    """URIs by their buckets, ``s3://BUCKET``."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for uri in uris:
        found[bucket_of(uri)].append(uri)
    return found


def bucket_of(uri: str) -> str:
    """``s3://BUCKET`` of a URI below it."""
    return "/".join(uri.split("/", 3)[:3])


def _endpoint() -> str:
    found = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    return found if "://" in found or not found else f"https://{found}"


@lru_cache(maxsize=64)
def _client(scheme: str, bucket: str, endpoint: str, bulk: bool) -> Any:
    from obstore.store import GCSStore, S3Store

    options = {"connect_timeout": timedelta(seconds=5), "timeout": LONGEST}
    more: dict[str, Any] = {
        # trying again is ours, and counted; but a part of many is worth a try of its own
        "retry_config": {"max_retries": PART_RETRIES if bulk else 0},
        "client_options": options if bulk else options | {"read_timeout": WAIT},
    }
    if scheme == "gs":
        return GCSStore(bucket, **more)
    more["client_options"] |= _connection(endpoint)
    config = _place(bucket, endpoint)
    config["disable_bulk_delete"] = not bulk
    return S3Store(bucket, config=config, **_credentials(), **more)


def _connection(endpoint: str) -> dict[str, Any]:
    certificates = _certificates()
    return {"allow_http": endpoint.startswith("http:")} | (
        {"root_certificate": Path(certificates).read_bytes()} if certificates else {}
    )


def _certificates() -> str | None:
    path = os.environ.get("AWS_CA_BUNDLE")
    return path if path and Path(path).is_file() else None


def _place(bucket: str, endpoint: str) -> S3Config:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if endpoint:
        return {"endpoint": endpoint.rstrip("/"), "region": region or "us-east-1"}
    return {"region": _region_of(bucket, region)}


def _credentials() -> dict[str, Any]:
    """Who we are, in the order of Amazon's own programs: the environment, a profile, the machine's
    role; nobody, for public buckets."""
    if os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE"):
        return {}  # obstore reads these by itself
    import boto3
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session()
        if session.get_credentials() is None:
            return {"skip_signature": True}
        # asked often: botocore itself knows when they run out
        return {"credential_provider": Boto3CredentialProvider(session, ttl=timedelta(minutes=5))}
    except BotoCoreError as error:
        raise RefusedError(f"no credentials: {error}; check AWS_PROFILE") from error


def _region_of(bucket: str, fallback: str | None) -> str:
    try:
        return patiently(f"looking for s3://{bucket}", lambda: ask_region(bucket))
    except SettingError:
        raise
    except OSError as error:
        if fallback is None:
            raise StorageError(f"{error}; or set AWS_REGION") from error
        return fallback


def ask_region(bucket: str) -> str:
    """Where Amazon keeps a bucket; it says so even to those whom it refuses.

    Raises:
        RefusedError: there is no such bucket.
        ConnectionError: no answer.
    """
    import ssl
    import urllib.error
    import urllib.request

    import certifi  # for Pythons that do not find the system's certificates

    request = urllib.request.Request(f"https://s3.amazonaws.com/{bucket}", method="HEAD")
    context = ssl.create_default_context()
    context.load_verify_locations(_certificates() or certifi.where())
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        if error.code == 404:
            raise RefusedError(
                f"there is no bucket s3://{bucket}; check its name and the credentials"
            ) from error
        headers = error.headers
    except OSError as error:
        raise ConnectionError(f"s3.amazonaws.com does not answer: {error}") from error
    region = headers.get("x-amz-bucket-region")
    if not region:
        raise ConnectionError(f"s3.amazonaws.com does not say where s3://{bucket} is")
    return str(region)
