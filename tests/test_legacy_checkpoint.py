"""Checkpoints in torch's old format: tensors come out, nothing else, and nothing is executed."""

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from morphsep.errors import SettingError
from morphsep.models.legacy_checkpoint import read_legacy_checkpoint


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def test_tensors_come_out_as_torch_itself_reads_them(tmp_path: Path) -> None:
    shared = torch.arange(24.0)
    state = OrderedDict(
        whole=shared.reshape(2, 3, 4),
        turned=shared.reshape(4, 6).T,
        part=shared[5:9],
        count=torch.tensor(7),
        empty=torch.zeros(0, 3),
    )
    path = saved(tmp_path / "a.pth", {"state": state, "epochs": 3, "optim": {"step": [1, 2.5]}})
    read = read_legacy_checkpoint(path, "state")
    assert list(read) == list(state)
    for name, tensor in torch.load(path, weights_only=True)["state"].items():
        assert np.array_equal(read[name], tensor.numpy())
        assert read[name].dtype == tensor.numpy().dtype


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("executed",)


@pytest.mark.parametrize(
    "content",
    [{"state": {"a": Evil()}}, {"state": {}, "more": Evil()}, {"state": torch.nn.Linear(1, 1)}],
)
def test_anything_but_tensors_is_refused_and_nothing_executed(
    content: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingError, match="old format"):
        read_legacy_checkpoint(saved(tmp_path / "a.pth", content), "state")
    assert capsys.readouterr().out == ""


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path / "a.pth", {"state": {"a": torch.arange(100.0)}}).read_bytes()
    for length in (0, 5, 15, 60, 200, len(whole) - 410, len(whole) - 401, len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        with pytest.raises(SettingError, match="old format"):
            read_legacy_checkpoint(tmp_path / "cut.pth", "state")


def test_other_files_are_refused(tmp_path: Path) -> None:
    new = tmp_path / "new.pth"
    torch.save({"state": {}}, new)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(pickle.dumps({"state": {}}))
    other = saved(tmp_path / "other.pth", {"weights": {}})
    for path in (new, plain, other):
        with pytest.raises(SettingError, match="old format"):
            read_legacy_checkpoint(path, "state")


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pth", {"state": {"a": torch.arange(4.0)}})
    content = path.read_bytes()
    # the shape (4,) as pickled: BININT1 4, TUPLE1
    assert content.count(b"K\x04\x85") == 1
    path.write_bytes(content.replace(b"K\x04\x85", b"K\x05\x85"))
    with pytest.raises(SettingError, match="beyond its storage"):
        read_legacy_checkpoint(path, "state")
