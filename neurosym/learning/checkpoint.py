"""Checkpoints: everything that training needs to go on as if it had never stopped.

Tensors are kept as safetensors, the rest as JSON inside their header; nothing is unpickled. A checkpoint is written
beside the old one and then renamed, so that an interrupted run leaves a whole one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurosym.errors import ModelError

FORMAT = "neurosym-checkpoint/1"


def save_checkpoint(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, best: Mapping[str, Tensor], state: dict[str, Any]
) -> None:
    """Write module, optimizer, the best weights so far, torch's random state, and `state` (plain data)."""
    from safetensors.torch import save_file

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
    groups = [{k: v for k, v in g.items() if k != "params"} for g in packed["param_groups"]]
    header = {"format": FORMAT, "state": json.dumps(state), "optimizer": json.dumps([plain, groups], default=list)}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, temporary, header)
        os.replace(temporary, path)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}", code="NS710") from None
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Restore module, optimizer and random state; gives the best weights so far, and the plain state.

    Raises:
        ModelError: the file is damaged, or belongs to another model.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as stream:
            header = stream.metadata() or {}
            tensors = {k: stream.get_tensor(k) for k in stream.keys()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} cannot be read: {error}", code="NS711", help="delete it to start anew") from None
    if header.get("format") != FORMAT:
        raise ModelError(f"{path} is no checkpoint of this version", code="NS711", help="delete it to start anew")
    saved = {k.removeprefix("module/"): v for k, v in tensors.items() if k.startswith("module/")}
    try:
        module.load_state_dict(saved)
        plain, groups = json.loads(header["optimizer"])
        packed = optimizer.state_dict()
        states: dict[int, dict[str, Any]] = {int(k): dict(v) for k, v in plain.items()}
        for name, value in tensors.items():
            if name.startswith("optimizer/"):
                _, index, field = name.split("/", 2)
                states.setdefault(int(index), {})[field] = value
        restored = [{**g, "params": p["params"]} for g, p in zip(groups, packed["param_groups"], strict=True)]
        for group in restored:  # JSON has no tuples
            if isinstance(group.get("betas"), list):
                group["betas"] = tuple(group["betas"])
        optimizer.load_state_dict({"state": states, "param_groups": restored})
    except (RuntimeError, ValueError, KeyError) as error:
        first = str(error).splitlines()[0]
        raise ModelError(
            f"{path} belongs to another model", code="NS712", note=first, help="delete it to start anew"
        ) from None
    torch.set_rng_state(tensors["random"])
    best = {k.removeprefix("best/"): v for k, v in tensors.items() if k.startswith("best/")}
    return best, json.loads(header["state"])
