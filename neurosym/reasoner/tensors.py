"""Tensors as a file: safetensors, which run no code when they are read, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from neurosym.errors import ModelError
from neurosym.reasoner.rights import usual


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str], what: str, code: str) -> None:
    """Write tensors and a header of texts, beside an older file and then in its place.

    Args:
        what: names the file in an error: `the checkpoint`.

    Raises:
        ModelError: with the code, the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    temporary = path.with_name(path.name + ".tmp")
    try:
        # safetensors refuses tensors that share memory; a clone of each is their value
        save_file({k: v.detach().contiguous().clone() for k, v in tensors.items()}, temporary, dict(header))
        temporary.chmod(usual(0o666))  # safetensors keeps it to its owner
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{what} {path} cannot be written: {error}", code=code) from None
    finally:
        if temporary.is_file():
            temporary.unlink()


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and header of a file; each caller says in its own words what cannot be read.

    Raises:
        OSError: there is no such file. ValueError: it is damaged, or no safetensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as stream:
            return {k: stream.get_tensor(k) for k in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def make_folder_of(path: Path, what: str, code: str) -> None:
    """Make the folder that a file is to lie in.

    Raises:
        ModelError: with the code, it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{what} {path} cannot be written: {error}", code=code) from None


__all__ = ["make_folder_of", "read_tensors", "write_tensors"]
