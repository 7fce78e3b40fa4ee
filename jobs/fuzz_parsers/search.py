"""Inputs that make a parser end as it should not: found blindly, or guided by atheris."""

from __future__ import annotations

import importlib
import random
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from jobs.fuzz_parsers.targets import Target

LIMIT = 1.0
"""Seconds of CPU time for one input."""
LONGEST = 60_000
"""Bytes of an input."""


def fault(target: Target, data: bytes) -> str | None:
    """What is wrong with how a parser ends: a traceback, or how long it took; None if nothing."""
    began = time.process_time()
    try:
        target(data)
    except Exception:
        return traceback.format_exc()
    took = time.process_time() - began
    return f"it took {took:.1f} s" if took > LIMIT else None


def changed(data: bytes, dice: random.Random) -> bytes:
    """The same with some bytes overwritten, left out, repeated or put in."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 8))):
        at = dice.randrange(len(out) + 1)
        span = dice.choice((1, 1, 2, 4, 40))
        put = dice.choice(
            (dice.randbytes(span), bytes(span), b"\xff" * span, out[at : at + span] * 2, b"")
        )
        kept = at + (0 if dice.random() < 0.2 else span)
        out[at:kept] = put
    return bytes(out[:LONGEST])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How a search ended."""

    tried: int
    data: bytes = b""
    fault: str = ""


def search_blindly(target: Target, inputs: list[bytes], seconds: float, seed: int = 0) -> Finding:
    """Changes inputs at random until one is at fault, or the time is over."""
    dice, until, tried = random.Random(seed), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = changed(dice.choice(inputs), dice)
        tried += 1
        found = fault(target, data)
        if found:
            return Finding(tried=tried, data=data, fault=found)
    return Finding(tried=tried)


def search(target: Target, inputs: list[bytes], seconds: float, corpus: Path) -> None:
    """The same, guided by atheris, which ends this process: with 0 if nothing was found."""
    atheris = importlib.import_module("atheris")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(inputs):
        (corpus / f"seed{number}").write_bytes(data)

    def one(data: bytes) -> None:
        found = fault(target, data)
        if found:
            raise RuntimeError(found)

    options = [
        f"-max_total_time={seconds:.0f}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={corpus}/",
    ]
    atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=1024", str(corpus)], one)
    atheris.Fuzz()
