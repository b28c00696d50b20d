"""A class model as a file: tensors as safetensors, names and settings beside them; nothing is unpickled.

An encoder has a vector for each entity, and knows it by its number. So the names that the numbers stood for are saved,
and a graph that numbers others is refused. Without an encoder, entities may be others: rules know constants by name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurosym.errors import ModelError, NetworkError
from neurosym.links.classes.labels import ClassGraph
from neurosym.links.classes.model import ClassModel, ClassRules
from neurosym.links.saving import rule_tensors, rules_of
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder
from neurosym.reasoner.tensors import make_folder_of, read_tensors, write_tensors

FORMAT = "neurosym-classes/1"
ENCODERS = {"rgcn": RGCNEncoder, "compgcn": CompGCNEncoder}


@dataclass(frozen=True, eq=False)
class SavedClasses:
    """What a file holds.

    Attributes:
        model: as it was saved.
        relations: names of the R relations, in their order; label: that of the label among them.
        classes: names of the C classes, in their order.
        entities: names of the N entities, in their order; empty where there is no encoder, which alone minds.
    """

    model: ClassModel
    relations: tuple[str, ...]
    label: str
    classes: tuple[str, ...]
    entities: tuple[str, ...] = ()

    def check(self, task: ClassGraph) -> None:
        """See that a graph has what the model was learned on, under the same numbers.

        Raises:
            ModelError: NS713, it has not; names the first that differs.
        """
        graph = task.graph
        own: list[tuple[str, Sequence[str], Sequence[str]]] = [
            ("relation", self.relations, graph.relations),
            ("label", [self.label], [graph.relations[task.relation]]),
            ("class", self.classes, [graph.entities[c] for c in task.classes]),
        ]
        if self.model.encoder is not None:
            own.append(("entity", self.entities, graph.entities))
        for what, saved, found in own:
            if tuple(saved) != tuple(found):
                raise _other_graph(what, saved, found)


def _other_graph(what: str, saved: Sequence[str], found: Sequence[str]) -> ModelError:
    plural = {"class": "classes", "entity": "entities"}.get(what, f"{what}s")
    place = next((k for k, pair in enumerate(zip(saved, found, strict=False)) if pair[0] != pair[1]), None)
    if place is None:
        note = f"the model was learned with {len(saved):,} {plural}, the graph has {len(found):,}"
    else:
        number = f" {place}" if len(saved) > 1 else ""
        note = f"{what}{number} was `{saved[place]}` when it was learned, and is `{found[place]}` in the graph"
    if set(saved) == set(found) and len(saved) > 1:
        note += "; the names are the same, in another order"
    return ModelError(
        f"the class model belongs to a graph with other {plural}", code="NS713", note=note,
        help="read the graph from the same files, in the same order, with the same options; or learn the model anew",
    )  # fmt: skip


def save_classes(path: str | os.PathLike[str], model: ClassModel, task: ClassGraph) -> None:
    """Write a model; the file is complete or as it was.

    Args:
        task: that it was learned on, whose names are kept.

    Raises:
        ModelError: NS710, the file cannot be written.
    """
    graph = task.graph
    tensors: dict[str, Tensor] = {f"model/{k}": v.detach() for k, v in model.state_dict().items()}
    header: dict[str, Any] = {
        "format": FORMAT, "relations": graph.relations, "label": graph.relations[task.relation],
        "classes": [graph.entities[c] for c in task.classes],
    }  # fmt: skip
    if model.rules is not None:
        part, rules = model.rules, model.rules.rules
        tensors |= {**rule_tensors(rules), "names/rules": _as_tensor(rules.entities)}
        header["rules"] = {
            "smoothing": rules.smoothing, "min_support": part.min_support, "best": part.best, "dropout": part.dropout,
            "decay": part.decay,
        }  # fmt: skip
    if model.encoder is not None:
        kind = next(name for name, made in ENCODERS.items() if isinstance(model.encoder, made))
        header["encoder"] = {"kind": kind, **model.encoder.config()}
        tensors["names/entities"] = _as_tensor(graph.entities)
    make_folder_of(Path(path), "the model", "NS710")
    write_tensors(Path(path), tensors, {"classes": json.dumps(header)}, "the model", "NS710")


def load_classes(path: str | os.PathLike[str], task: ClassGraph | None = None) -> SavedClasses:
    """Read a model.

    Args:
        task: what it will be asked about, checked as by `SavedClasses.check`.

    Raises:
        ModelError: NS711, there is no such file, or it is damaged, or no class model; NS713, the graph is another one.
    """
    try:
        tensors, about = read_tensors(path)
        header = json.loads(about["classes"])
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}, and not {FORMAT!r}")
        saved = _read(header, tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, NetworkError) as error:
        raise ModelError(
            f"{os.fspath(path)} cannot be read as a class model: {error}", code="NS711",
            help="give a file that `save_classes` wrote",
        ) from None  # fmt: skip
    if task is not None:
        saved.check(task)
    return saved


def _read(header: dict[str, Any], tensors: dict[str, Tensor]) -> SavedClasses:
    relations = tuple(header["relations"])
    rules, encoder, entities = None, None, ()
    if "rules" in header:
        about = dict(header["rules"])
        made = rules_of(tensors, relations, _names(tensors["names/rules"]), about.pop("smoothing"))
        rules = ClassRules(made, **about)
    if "encoder" in header:
        about = dict(header["encoder"])
        encoder, entities = ENCODERS[about.pop("kind")](**about), _names(tensors["names/entities"])
        if len(entities) != encoder.num_entities:
            raise ValueError(f"it names {len(entities)} entities, and its encoder has {encoder.num_entities}")
    model = ClassModel(rules, encoder)
    model.load_state_dict({k.removeprefix("model/"): v for k, v in tensors.items() if k.startswith("model/")})
    return SavedClasses(model.eval(), relations, header["label"], tuple(header["classes"]), entities)


def _as_tensor(names: Sequence[str]) -> Tensor:
    """(n,) bytes of a JSON list: a header of safetensors has room for a million names and no more."""
    return torch.frombuffer(bytearray(json.dumps(names).encode()), dtype=torch.uint8)


def _names(tensor: Tensor) -> tuple[str, ...]:
    return tuple(json.loads(tensor.numpy().tobytes()))


__all__ = ["SavedClasses", "load_classes", "save_classes"]
