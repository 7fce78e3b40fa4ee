"""What separators with weights have in common: they travel without them, and loading them changes
nothing else in the process."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch

from morphsep.separators import Separator
from morphsep.separators.demucs import Demucs
from morphsep.separators.embedded import Embedded
from morphsep.separators.roformer import RoFormer
from morphsep.testing import ArrayMix
from tests.checkpoints import write_htdemucs
from tests.roformer_checkpoints import write_roformer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=["demucs", "roformer", "embedded"])
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Separator]:
    """Makes a separator that has not loaded its weights."""
    if request.param == "embedded":
        return lambda: Embedded(device="cpu")
    folder = tmp_path_factory.mktemp("weights") / "model"
    if request.param == "demucs":
        write_htdemucs(folder)
        return lambda: Demucs(str(folder), device="cpu", overlap=0.5, shifts=1)
    write_roformer(folder)
    return lambda: RoFormer(str(folder), device="cpu")


def test_travels_without_its_weights(make: Callable[[], Separator]) -> None:
    separator = make()
    separator.load()
    data = pickle.dumps(separator)
    assert len(data) < 1000
    assert pickle.loads(data).fingerprint() == separator.fingerprint()


def test_loading_leaves_the_global_generators_alone(make: Callable[[], Separator]) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    make().separate(ArrayMix(0.1 * noise + np.float32(0.02)), 0, 100)
    assert torch.equal(torch.rand(1), expected)
