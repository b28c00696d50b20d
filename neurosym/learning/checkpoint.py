"""Checkpoints: everything that training needs to go on as if it had never stopped.

Tensors are kept as safetensors, the rest as JSON inside their header; nothing is unpickled. A checkpoint is written
beside the old one and then renamed, so that an interrupted run leaves a whole one. The last and the best weights are in
one file: the two never disagree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from neurosym.errors import ModelError
from neurosym.reasoner import Reasoner
from neurosym.reasoner.tensors import make_folder_of, read_tensors, write_tensors

FORMAT = "neurosym-checkpoint/1"


def save_checkpoint(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, best: Mapping[str, Tensor], state: dict[str, Any],
    model: str,
) -> None:  # fmt: skip
    """Write module, optimizer, the best weights so far, torch's random state, and `state` (plain data).

    Args:
        model: what tells this model from others with weights of the same shapes, such as a hash of its rules.

    Raises:
        ModelError: the file cannot be written.
    """
    tensors: dict[str, Tensor] = {f"module/{k}": v.detach() for k, v in module.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in best.items()}
    tensors["random"] = torch.get_rng_state()
    plain: dict[str, dict[str, Any]] = {}
    packed = optimizer.state_dict()
    for index, values in packed["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{name}"] = value
            else:
                plain.setdefault(str(index), {})[name] = value
    header = {
        "format": FORMAT,
        "model": model,
        "state": json.dumps(state),
        "optimizer": json.dumps([plain, packed["param_groups"]], default=list),
    }
    make_folder_of(path, "the checkpoint", "NS710")
    write_tensors(path, tensors, header, "the checkpoint", "NS710")


def load_checkpoint(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, model: str
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore module, optimizer and random state; gives the best weights so far, and the plain state.

    Raises:
        ModelError: the file is damaged, or belongs to another model; module and optimizer are then as they were.
    """
    header, tensors = _read(path, model)
    saved = _under("module/", tensors)
    _check_same(path, saved, module)
    try:
        plain, groups = json.loads(header["optimizer"])
        packed = optimizer.state_dict()
        states: dict[int, dict[str, Any]] = {int(k): dict(v) for k, v in plain.items()}
        for name, value in tensors.items():
            if name.startswith("optimizer/"):
                _, index, field = name.split("/", 2)
                states.setdefault(int(index), {})[field] = value
        if [g["params"] for g in groups] != [g["params"] for g in packed["param_groups"]]:
            raise _foreign(path, "the optimizer trains other parameters")
        if [set(g) for g in groups] != [set(g) for g in packed["param_groups"]]:
            raise _foreign(path, "the optimizer is of another kind")
        restored = [{**g, "params": p["params"]} for g, p in zip(groups, packed["param_groups"], strict=True)]
        for group in restored:  # JSON has no tuples
            if isinstance(group.get("betas"), list):
                group["betas"] = tuple(group["betas"])
        state, random = json.loads(header["state"]), tensors["random"]
        optimizer.load_state_dict({"state": states, "param_groups": restored})
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _foreign(path, str(error).splitlines()[0]) from None
    # only now: what is refused leaves the module as it was
    module.load_state_dict(saved)
    torch.set_rng_state(random)
    return _under("best/", tensors), state


def load_weights(path: str | PathLike[str], reasoner: Reasoner, which: Literal["best", "last"] = "best") -> None:
    """Give a reasoner the weights of a checkpoint, without its optimizer: a run that was stopped can be asked.

    Args:
        which: those with the least validation loss so far, or the last ones. Without validation data, and before the
            first epoch is over, the last ones are all there is.

    Raises:
        ModelError: the file is damaged, or belongs to another model; the reasoner is then as it was.
    """
    file = Path(path)
    _, tensors = _read(file, reasoner.rules_sha256())
    saved = _under("best/", tensors) if which == "best" else {}
    last = _under("module/", tensors)
    # beside losses that are modules, the reasoner's own weights have a prefix
    saved = saved or _under("reasoner.", last) or last
    _check_same(file, saved, reasoner)
    reasoner.load_state_dict(saved)


def _read(path: Path, model: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header and tensors of a checkpoint of this model."""
    try:
        tensors, header = read_tensors(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", code="NS711", help="delete it to start anew") from None
    if header.get("format") != FORMAT:
        raise ModelError(f"{path} is no checkpoint of this version", code="NS711", help="delete it to start anew")
    if header.get("model") != model:
        raise _foreign(path, "its rules are others")
    return header, tensors


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _check_same(path: Path, saved: Mapping[str, Tensor], module: nn.Module) -> None:
    """Refuse the tensors of another module before any of them is copied."""
    own = module.state_dict()
    for name in sorted(set(own) | set(saved)):
        if name not in saved or name not in own:
            raise _foreign(path, f"`{name}` is only in the {'model' if name in own else 'checkpoint'}")
        if saved[name].shape != own[name].shape:
            raise _foreign(path, f"`{name}` has shape {tuple(saved[name].shape)} there, {tuple(own[name].shape)} here")


def _foreign(path: Path, note: str) -> ModelError:
    return ModelError(f"{path} belongs to another model", code="NS712", note=note, help="delete it to start anew")
