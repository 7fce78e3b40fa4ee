"""An LSTM with one dense layer behind it, sample by sample: what GuitarML's captures are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from morphsep.dsp import Signal, compiled

CUTOFF = 5.0
"""Hz. What stands still is taken out behind the network, as a coupling capacitor does: some
captures put out an offset, another one at each position of the knob."""


@dataclass(slots=True, eq=False)
class State:
    """What a network remembers; `Lstm.play` moves it on."""

    hidden: Signal
    cell: Signal
    """Both ``[H]``."""
    blocked: Signal
    """The last sample before and after the high-pass, ``[2]``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lstm:
    """A network of H cells. Gates stand in torch's order: input, forget, cell, output."""

    into: Signal
    """Weights ``[I, 4 H]`` of the sample and, where I is 2, of the knob."""
    recurrent: Signal
    """Weights ``[H, 4 H]``."""
    bias: Signal
    """``[4 H]``."""
    dense: Signal
    """``[H]``."""
    dense_bias: float
    skip: bool
    """The input is added to the output."""
    rate: int
    """Hz."""

    @property
    def has_knob(self) -> bool:
        """Whether it was captured with one."""
        return len(self.into) == 2

    @property
    def pole(self) -> float:
        """Of the high-pass behind the network."""
        return float(np.exp(-2 * np.pi * CUTOFF / self.rate))

    def rest(self) -> State:
        """The state before the first sample."""
        cells = len(self.dense)
        return State(*(np.zeros(size, np.float32) for size in (cells, cells, 2)))

    def play(self, signal: Signal, knob: Signal, state: State) -> Signal:
        """Samples ``[T]`` at `rate` -> ``[T]``, with the knob ``[T]`` from 0 to 1; any way to cut a
        sound into pieces gives the same samples. A network without a knob ignores it."""
        inputs = np.stack([signal, knob][: len(self.into)]).astype(np.float32)
        out = np.empty(signal.size, np.float32)
        weights = (self.into, self.recurrent, self.bias, self.dense)
        constants = np.array([self.dense_bias, self.skip], np.float32)
        _run(inputs, *weights, constants, state.hidden, state.cell, out)
        _block(out, np.float32(self.pole), state.blocked)
        return out


@compiled
def _run(
    inputs: Signal, into: Signal, recurrent: Signal, bias: Signal, dense: Signal,
    constants: Signal, hidden: Signal, cell: Signal, out: Signal,
) -> None:  # fmt: skip
    """Runs the network over ``[I, T]``.

    The hyperbolic tangent is Lambert's continued fraction to its seventh term, of half the
    argument: right to 1.1e-7, fast, and the same on every machine. A logistic gate is one, too.
    """

    def tanh(x: np.float32) -> np.float32:
        v = min(max(x, np.float32(-9.2)), np.float32(9.2)) * np.float32(0.5)
        y = v * v
        p = v * (np.float32(135135) + y * (np.float32(17325) + y * (np.float32(378) + y)))
        q = np.float32(62370) + y * (np.float32(3150) + y * np.float32(28))
        q = np.float32(135135) + y * q
        return np.float32(2) * p * q / (p * p + q * q)

    def logistic(x: np.float32) -> np.float32:
        return np.float32(0.5) + np.float32(0.5) * tanh(np.float32(0.5) * x)

    cells = hidden.size
    fours = cells - cells % 4
    gates = np.empty(4 * cells, np.float32)
    for t in range(out.size):
        gates[:] = bias
        for i in range(into.shape[0]):
            for k in range(gates.size):
                gates[k] += into[i, k] * inputs[i, t]
        for j in range(0, fours, 4):  # by fours, so that the gates are fetched less often
            for k in range(gates.size):
                a = recurrent[j, k] * hidden[j] + recurrent[j + 1, k] * hidden[j + 1]
                b = recurrent[j + 2, k] * hidden[j + 2] + recurrent[j + 3, k] * hidden[j + 3]
                gates[k] += a + b
        for j in range(fours, cells):
            for k in range(gates.size):
                gates[k] += recurrent[j, k] * hidden[j]
        for j in range(cells):
            kept = logistic(gates[cells + j]) * cell[j]
            cell[j] = kept + logistic(gates[j]) * tanh(gates[2 * cells + j])
            hidden[j] = logistic(gates[3 * cells + j]) * tanh(cell[j])
        out[t] = constants[0] + constants[1] * inputs[0, t]
        for j in range(cells):
            out[t] += dense[j] * hidden[j]


@compiled
def _block(signal: Signal, pole: np.float32, last: Signal) -> None:
    """A high-pass of the first order, in place; ``last``: its last sample in and out."""
    for t in range(signal.size):
        came = signal[t]
        last[1] = pole * (last[1] + came - last[0])
        last[0] = came
        signal[t] = last[1]
