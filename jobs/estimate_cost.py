"""Estimates a batch on a cluster in hours and dollars, from measured and assumed figures.

    python -m jobs.estimate_cost [--songs 1000 1000000] [--minutes 4] [--gpu-price 0.80] ...

Seconds of one song on a node, if no stage waits for another:

    CPU node:  (separate + other) / vCPUs
    GPU node:  max(separate on the GPU, other / vCPUs)

    work       = songs * seconds a song / 3600 / efficiency
    hours      = work / nodes + start-up
    node hours = work + nodes * (start-up + idle)
    dollars    = node hours * price + hours * price of the head + requests
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

# Measured (docs/reference/benchmarks.md: 240 s of stereo with a full-size htdemucs_6s, two cores)
SONG_SECONDS = 240.0
SEPARATE_CORE_SECONDS = 2 * 359.9
OTHER_CORE_SECONDS = 4.9 + 3.6 + 2.3
SEGMENT_GFLOP, SEGMENT_STEP_SECONDS = 194.0, 0.75 * 7.8
SHARE_OF_PEAK = 0.2
"""Share of a processor's peak arithmetic that Demucs uses, measured on a CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A kind of worker; all figures are assumed, from price lists and data sheets."""

    name: str
    vcpus: int
    price: float
    """Dollars an hour."""
    nodes: int
    gpu_tflops: float = 0.0
    """Peak in float32, without TF32: the precision that morphsep uses."""

    def seconds(self, song_seconds: float) -> float:
        """Seconds of one node for one song."""
        songs = song_seconds / SONG_SECONDS
        if not self.gpu_tflops:
            return songs * (SEPARATE_CORE_SECONDS + OTHER_CORE_SECONDS) / self.vcpus
        gflop = song_seconds / SEGMENT_STEP_SECONDS * SEGMENT_GFLOP
        on_gpu = gflop / (1000 * self.gpu_tflops * SHARE_OF_PEAK)
        return max(on_gpu, songs * OTHER_CORE_SECONDS / self.vcpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Assumptions about a batch on any kind of node; not measured here."""

    head_price: float
    efficiency: float = 0.9
    """Share of the time left after starting, waiting for the last songs, and reclaimed spot
    nodes."""
    start_up_hours: float = 0.25
    idle_hours: float = 5 / 60
    """Until an idle worker is released (`cluster.yaml`)."""
    requests_per_song: int = 60
    """Of four minutes in one section, counted by tests/test_requests.py."""
    price_per_request: float = 5e-6


def estimate(node: Node, songs: int, song_seconds: float, assumed: Assumed) -> tuple[float, ...]:
    """Node hours, hours and dollars for a batch."""
    work = songs * node.seconds(song_seconds) / 3600 / assumed.efficiency
    hours = work / node.nodes + assumed.start_up_hours
    node_hours = work + node.nodes * (assumed.start_up_hours + assumed.idle_hours)
    requests = songs * assumed.requests_per_song * assumed.price_per_request
    return node_hours, hours, node_hours * node.price + hours * assumed.head_price + requests


def table(nodes: list[Node], batches: list[int], minutes: float, assumed: Assumed) -> list[str]:
    """The estimates as Markdown."""
    lines = [
        "| songs | workers | seconds a song and node | node hours | hours | dollars |",
        "|---|---|---|---|---|---|",
    ]
    for songs in batches:
        for node in nodes:
            node_hours, hours, dollars = estimate(node, songs, 60 * minutes, assumed)
            lines.append(
                f"| {songs:,} | {node.nodes} {node.name} | {node.seconds(60 * minutes):.1f} "
                f"| {node_hours:,.1f} | {hours:,.1f} | {dollars:,.0f} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--minutes", type=float, default=4.0, help="length of a song")
    parser.add_argument("--gpu-price", type=float, default=0.80, help="$/h of a g6.xlarge")
    parser.add_argument("--cpu-price", type=float, default=0.71, help="$/h of a c7i.4xlarge")
    parser.add_argument("--head-price", type=float, default=0.20, help="$/h of an m7i.xlarge")
    parser.add_argument("--gpus", type=int, default=8, help="GPU nodes at work")
    parser.add_argument("--cpus", type=int, default=8, help="CPU nodes at work")
    given = parser.parse_args()
    nodes = [
        Node(
            name="g6.xlarge (L4)", vcpus=4, price=given.gpu_price, nodes=given.gpus, gpu_tflops=30.3
        ),
        Node(name="c7i.4xlarge", vcpus=16, price=given.cpu_price, nodes=given.cpus),
    ]
    print("\n".join(table(nodes, given.songs, given.minutes, Assumed(head_price=given.head_price))))


if __name__ == "__main__":
    main()
