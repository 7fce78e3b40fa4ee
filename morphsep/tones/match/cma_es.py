"""Gradient-free search in the unit cube: CMA-ES, which learns how settings depend on one another.

Formulas and constants: Hansen, "The CMA Evolution Strategy: A Tutorial" (arXiv 1604.00772), with
its defaults and without negative weights. scipy has no method of this kind; its differential
evolution needs several times as many trials at 10 to 20 settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OUTSIDE = 10.0
"""Cost of a point's squared distance from the cube: the nearest point of it is what is tried."""

GUESSED = 0.6
"""How far the points around a guess are spread, in parts of the cube."""


class Evolution:
    """A search that can be continued; ``best`` and ``least`` are the best point and its cost."""

    def __init__(
        self, cost: Callable[[Floats], float], start: Floats, steps: float | Floats, seed: int
    ) -> None:
        """``steps``: deviation of the first moves, of all dimensions or of each ``[n]``."""
        self.best, self.least = np.clip(start, 0, 1), float("inf")
        self.trials = 0
        self._cost = cost
        self._rng = np.random.default_rng(seed)
        self._mean, self._step = self.best.copy(), float(np.max(steps))
        n = start.size
        self._covariance = np.eye(n) * (np.asarray(steps) / self._step) ** 2
        self._path, self._step_path = np.zeros(n), np.zeros(n)
        self._generations = 0
        self._set_constants(n)

    def _set_constants(self, n: int) -> None:
        self._size = 4 + int(3 * np.log(n))
        weights = np.log((self._size + 1) / 2) - np.log(np.arange(self._size // 2) + 1)
        self._weights = weights / weights.sum()
        mass = self._mass = 1 / float((self._weights**2).sum())
        self._c_step = (mass + 2) / (n + mass + 5)
        self._damping = 1 + 2 * max(0.0, np.sqrt((mass - 1) / (n + 1)) - 1) + self._c_step
        self._c_path = (4 + mass / n) / (n + 4 + 2 * mass / n)
        self._c_one = 2 / ((n + 1.3) ** 2 + mass)
        self._c_rank = min(1 - self._c_one, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
        self._length = np.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))

    def start(self) -> float:
        """One trial of the start itself."""
        self._try(self._mean)
        return self.least

    def scatter(self, trials: int, guesses: Sequence[Mapping[int, float]] = ()) -> None:
        """So many trials spread evenly over the cube (Halton's sequence); goes on from the best of
        them and of the start.

        Args:
            trials: how many.
            guesses: positions in some of the dimensions, which most of the points take by turns; in
                the others these points stay nearer to the start.
        """
        from scipy.stats import qmc

        self.start()
        start = self._mean
        points = qmc.Halton(self._mean.size, scramble=False).random(trials)[1:]
        for turn, point in enumerate(points):
            if turn % (len(guesses) + 1) < len(guesses):
                point = np.clip(start + GUESSED * (point - 0.5), 0, 1)
                for index, position in guesses[turn % (len(guesses) + 1)].items():
                    point[index] = position
            self._try(point)
        self._mean = self.best.copy()

    def run(self, trials: int) -> float:
        """At least so many more trials, in whole generations; the least cost so far."""
        stop = self.trials + trials
        while self.trials < stop:
            self._generation()
        return self.least

    def _generation(self) -> None:
        values, axes = np.linalg.eigh(self._covariance)
        scales = np.sqrt(np.maximum(values, 1e-12))
        moves = (self._rng.standard_normal((self._size, scales.size)) * scales) @ axes.T
        costs = [self._try(self._mean + self._step * move) for move in moves]
        order = np.argsort(costs, kind="stable")[: self._weights.size]
        self._adapt(moves[order], axes @ np.diag(1 / scales) @ axes.T)

    def _try(self, point: Floats) -> float:
        inside = np.clip(point, 0, 1)
        cost = self._cost(inside)
        self.trials += 1
        if cost < self.least:
            self.best, self.least = inside, cost
        return cost + OUTSIDE * float(((point - inside) ** 2).sum())

    def _adapt(self, moves: Floats, whitening: Floats) -> None:
        """Steps 2 to 5 of the tutorial's algorithm, of the ``moves`` that cost least."""
        self._generations += 1
        move = self._weights @ moves
        self._mean = self._mean + self._step * move
        c = self._c_step
        self._step_path = (1 - c) * self._step_path + np.sqrt(c * (2 - c) * self._mass) * (
            whitening @ move
        )
        norm = float(np.linalg.norm(self._step_path))
        settled = norm / np.sqrt(1 - (1 - c) ** (2 * self._generations)) / self._length
        steady = settled < 1.4 + 2 / (move.size + 1)
        c = self._c_path
        self._path = (1 - c) * self._path + steady * np.sqrt(c * (2 - c) * self._mass) * move
        lost = (1 - steady) * c * (2 - c)
        self._covariance = (
            (1 + self._c_one * lost - self._c_one - self._c_rank) * self._covariance
            + self._c_one * np.outer(self._path, self._path)
            + self._c_rank * (moves.T * self._weights) @ moves
        )
        self._step *= float(np.exp(self._c_step / self._damping * (norm / self._length - 1)))
        self._step = min(self._step, 0.5)
