"""A link model as a file: tensors as safetensors, names and settings as JSON in the header; nothing is unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurosym.errors import DataError, ModelError
from neurosym.links.calibration import Calibration
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.signed import SignedNetwork
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules.part import RuleScores
from neurosym.links.rules.ruleset import COLUMNS, RuleSet
from neurosym.reasoner.tensors import make_folder_of, read_tensors, write_tensors

FORMAT = "neurosym-links/4"
NETWORKS = {made.part: made for made in (PathNetwork, SignedNetwork)}

# what reading a header that is not as it was written ends in
_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, DataError)


@dataclass(frozen=True, eq=False)
class SavedLinks:
    """What a file holds.

    Attributes:
        model: as it was saved; relations: the names of its R relations, in their order: a graph that it is asked about
            has the same (`TripleGraph.over`). calibration: where there was one.
    """

    model: LinkModel
    relations: tuple[str, ...]
    calibration: Calibration | None = None


def save_links(
    path: str | os.PathLike[str], model: LinkModel, relations: tuple[str, ...], calibration: Calibration | None = None
) -> None:
    """Write a model; the file is complete or as it was.

    Args:
        relations: of the graph that it was learned on, in their order.

    Raises:
        ModelError: NS710, the file cannot be written.
    """
    tensors: dict[str, Tensor] = {f"model/{k}": v.detach() for k, v in model.state_dict().items()}
    header: dict[str, object] = {"format": FORMAT, "relations": relations, "prior": model.prior is not None}
    header["networks"] = {network.part: network.config() for network in model.networks}
    if model.rules is not None:
        rules = model.rules.rules
        tensors |= rule_tensors(rules)
        header["rules"] = {
            "entities": rules.entities, "smoothing": rules.smoothing, "best": model.rules.best,
            "dropout": model.rules.dropout, "decay": model.rules.decay,
        }  # fmt: skip
    if calibration is not None:
        tensors |= {f"calibration/{k}": v.detach() for k, v in calibration.state_dict().items()}
    make_folder_of(Path(path), "the model", "NS710")
    write_tensors(Path(path), tensors, {"links": json.dumps(header)}, "the model", "NS710")


def rule_tensors(rules: RuleSet) -> dict[str, Tensor]:
    """The columns of rules, by their names in a file."""
    return {f"rules/{name}": torch.from_numpy(np.ascontiguousarray(getattr(rules, name))) for name in COLUMNS}


def rules_of(
    tensors: Mapping[str, Tensor], relations: tuple[str, ...], entities: tuple[str, ...], smoothing: float
) -> RuleSet:
    """The rules whose columns `rule_tensors` gave."""
    columns = {name: tensors[f"rules/{name}"].numpy() for name in COLUMNS}
    return RuleSet(relations, entities, **columns, smoothing=smoothing)


def load_links(path: str | os.PathLike[str]) -> SavedLinks:
    """Read a model.

    Raises:
        ModelError: NS711, there is no such file, or it is damaged, or no link model.
    """
    try:
        tensors, about = read_tensors(path)
        header = json.loads(about["links"])
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, and not {FORMAT!r}")
        return _read(header, tensors)
    except _DAMAGED as error:
        raise ModelError(
            f"{os.fspath(path)} cannot be read as a link model: {error}", code="NS711",
            help="give a file that `save_links` wrote",
        ) from None  # fmt: skip


def _read(header: dict, tensors: dict[str, Tensor]) -> SavedLinks:
    relations = tuple(header["relations"])
    count = len(relations)
    rules = None
    networks: dict[str, Any] = {part: NETWORKS[part](count, **about) for part, about in header["networks"].items()}
    if "rules" in header:
        about = header["rules"]
        made = rules_of(tensors, relations, tuple(about["entities"]), about["smoothing"])
        rules = RuleScores(made, about["best"], about["dropout"], about["decay"])
    model = LinkModel(prior=SignaturePrior(count) if header["prior"] else None, rules=rules, **networks)
    model.load_state_dict({k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")})
    kept = {k.removeprefix("calibration/"): v for k, v in tensors.items() if k.startswith("calibration/")}
    calibration = None
    if kept:
        calibration = Calibration(kept["knots"].tolist(), kept["log_slopes"].exp().tolist())
        calibration.load_state_dict(kept)
    return SavedLinks(model.eval(), relations, calibration)


__all__ = ["SavedLinks", "load_links", "rule_tensors", "rules_of", "save_links"]
