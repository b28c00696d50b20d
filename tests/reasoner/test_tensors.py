"""Files of tensors: whole or not at all, and as readable as any other file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from neurosym.errors import ModelError
from neurosym.reasoner.tensors import write_tensors


@pytest.mark.skipif(os.name != "posix", reason="rights are of POSIX")
def test_a_file_has_the_rights_that_the_user_gives_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(2)}, {}, "the model", "NS710")
    finally:
        os.umask(before)
    assert (tmp_path / "a.safetensors").stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_written_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.ones(2)}, {}, "the model", "NS710")
    older = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ModelError, match=r"NS710.*the model .* cannot be written: no space left"):
        write_tensors(path, {"x": torch.zeros(2)}, {}, "the model", "NS710")
    assert path.read_bytes() == older and [p.name for p in tmp_path.iterdir()] == [path.name]
