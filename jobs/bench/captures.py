"""How fast captures of GuitarML's tools play, beside torch's own LSTM.

    python -m jobs.bench.captures [--cells 40] [--seconds 5] [--repeats 5]

Weights are random: speed does not depend on them. Both sides take turns, one thread each; processor
time; medians. Also printed: how far their outputs are apart.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from morphsep.dsp import MODEL_RATE, Signal
from morphsep.testing import plucked
from morphsep.tones.capture.lstm import Lstm

KNOB = 0.7


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    network = random_network(options.cells)
    guitar = plucked(round(options.seconds * MODEL_RATE)).astype(np.float32)
    sides = {"ours": _ours(network), "torch": _torchs(network)}
    made = {name: play(guitar) for name, play in sides.items()}  # compiles, too
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(options.repeats):
        for name, play in sides.items():
            began = time.process_time()
            play(guitar)
            seconds[name].append(time.process_time() - began)
    print("| | times real time |\n|---|---|")
    for name, values in seconds.items():
        print(f"| {name} | {options.seconds / statistics.median(values):.1f} |")
    ratio = statistics.median(seconds["torch"]) / statistics.median(seconds["ours"])
    apart = np.abs(made["ours"] - made["torch"]).max() / np.abs(made["torch"]).max()
    print(f"\ntorch takes {ratio:.1f} times as long; {20 * np.log10(apart):.0f} dB apart at most")


def random_network(cells: int) -> Lstm:
    """With a knob, and no way around it."""
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Signal:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    return Lstm(
        into=drawn(2, 4 * cells), recurrent=drawn(cells, 4 * cells), bias=drawn(4 * cells),
        dense=drawn(cells), dense_bias=0.0, skip=False, rate=MODEL_RATE,
    )  # fmt: skip


def _ours(network: Lstm) -> Callable[[Signal], Signal]:
    def play(guitar: Signal) -> Signal:
        return network.play(guitar, np.full_like(guitar, KNOB), network.rest())

    return play


def _torchs(network: Lstm) -> Callable[[Signal], Signal]:
    import torch
    from scipy.signal import lfilter

    torch.set_num_threads(1)
    lstm = torch.nn.LSTM(2, network.dense.size)
    state = {"weight_ih_l0": network.into.T, "weight_hh_l0": network.recurrent.T}
    state |= {"bias_ih_l0": network.bias, "bias_hh_l0": np.zeros_like(network.bias)}
    lstm.load_state_dict({name: torch.tensor(np.array(value)) for name, value in state.items()})
    dense = torch.tensor(network.dense)

    def play(guitar: Signal) -> Signal:
        inputs = torch.from_numpy(np.stack([guitar, np.full_like(guitar, KNOB)], 1))
        with torch.inference_mode():
            made = (lstm(inputs)[0] @ dense).numpy()
        return np.asarray(lfilter([network.pole, -network.pole], [1, -network.pole], made))

    return play


if __name__ == "__main__":
    main()
