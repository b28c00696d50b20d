"""Class models as files: the same to the bit, and refused where the file or the graph is another one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from neurosym.errors import ModelError
from neurosym.links.classes import (
    ClassGraph,
    ClassModel,
    Labels,
    class_graph,
    explain_class,
    load_classes,
    save_classes,
)
from neurosym.links.graph import TripleGraph
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder
from tests.links.samples import CLASSES, groups, known_labels, learned_classes

ENCODERS = {
    "none": None,
    "rgcn": lambda n, r: RGCNEncoder(n, r, 2, hidden=4, bases=2),
    "compgcn": lambda n, r: CompGCNEncoder(n, r, 2, hidden=4, layers=1, composition="corr", dropout=0.2),
}


@pytest.fixture(scope="module")
def task() -> ClassGraph:
    return class_graph(groups(), "in", CLASSES)


@pytest.fixture(scope="module")
def known(task: ClassGraph) -> Labels:
    return known_labels(task)


@pytest.fixture(scope="module")
def saved(task: ClassGraph, known: Labels, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple]:
    """Kind of encoder → a trained model and its file."""
    folder, found = tmp_path_factory.mktemp("classes"), {}
    for name, make in ENCODERS.items():
        size = len(task.graph.entities), len(task.graph.relations)
        model = learned_classes(task, known, None if make is None else make(*size))
        save_classes(folder / "new" / f"{name}.safetensors", model, task)
        found[name] = model, folder / "new" / f"{name}.safetensors"
    return found


@pytest.mark.parametrize("name", ENCODERS)
def test_a_saved_model_says_the_same_to_the_bit(saved: dict, task: ClassGraph, known: Labels, name: str) -> None:
    model, path = saved[name]
    again = load_classes(path, task)
    assert (again.relations, again.label, again.classes) == (task.graph.relations, "in", CLASSES)
    everybody = np.arange(len(task.graph.entities))
    one, other = (m.predict(task, known, everybody) for m in (model, again.model))
    assert one.parts.keys() == other.parts.keys()
    for part in one.parts:
        assert torch.equal(one.parts[part], other.parts[part])
    for (key, value), loaded in zip(model.state_dict().items(), again.model.state_dict().values(), strict=True):
        assert torch.equal(value, loaded), key
    entity = task.graph.entity_ids["p9"]
    assert explain_class(model, task, known, entity) == explain_class(again.model, task, known, entity)
    if model.rules is not None and again.model.rules is not None:
        assert [str(r) for r in again.model.rules.rules] == [str(r) for r in model.rules.rules]
        assert again.model.rules.decay == model.rules.decay and again.model.rules.best == model.rules.best


def test_only_an_encoder_minds_the_entities(saved: dict, task: ClassGraph) -> None:
    other = class_graph(groups([("new", "knows", "p0")]), "in", CLASSES)
    load_classes(saved["none"][1], other)
    with pytest.raises(ModelError) as fault:
        load_classes(saved["rgcn"][1], other)
    assert fault.value.code == "NS713" and "other entities" in str(fault.value)
    assert f"learned with {len(task.graph.entities)} entities" in (fault.value.note or "")


def test_another_graph_is_refused_with_what_differs(saved: dict, task: ClassGraph) -> None:
    graph = task.graph

    def refused(other: ClassGraph) -> str:
        with pytest.raises(ModelError) as fault:
            load_classes(saved["rgcn"][1], other)
        assert fault.value.code == "NS713" and "learn the model anew" in (fault.value.help or "")
        return f"{fault.value} {fault.value.note}"

    def over(**changes: tuple[str, ...]) -> ClassGraph:
        made: dict[str, Any] = {"entities": graph.entities, "relations": graph.relations, **changes}
        withheld = replace(task.withheld, graph=TripleGraph(triples=graph.triples, **made))
        return replace(task, withheld=withheld)

    swapped = (*graph.entities[:-2], graph.entities[-1], graph.entities[-2])
    assert "in another order" in refused(over(entities=swapped))
    number = graph.relation_ids["knows"]
    renamed = tuple("likes" if r == "knows" else r for r in graph.relations)
    assert f"relation {number} was `knows` when it was learned, and is `likes`" in refused(over(relations=renamed))
    assert "other classes" in refused(replace(task, classes=task.classes[::-1].copy()))
    assert "label was `in` when it was learned" in refused(replace(task, relation=number))


@pytest.mark.parametrize("content", [b"", b"no model", b'\x08\0\0\0\0\0\0\0{"a": 1}'])
def test_a_damaged_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    for name in ("m", "none"):
        with pytest.raises(ModelError, match="cannot be read as a class model") as fault:
            load_classes(tmp_path / f"{name}.safetensors")
        assert fault.value.code == "NS711"


def test_a_cut_file_and_one_of_other_content(saved: dict, tmp_path: Path) -> None:
    path, cut = saved["compgcn"][1], tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError, match="cannot be read"):
        load_classes(cut)
    with safe_open(path, "pt") as stream:
        header = json.loads(stream.metadata()["classes"])
        tensors = {k: stream.get_tensor(k) for k in stream.keys()}  # noqa: SIM118
    lacking = {k: v for k, v in tensors.items() if k != "names/entities"}
    cases = [
        (tensors, header | {"format": "neurosym-classes/2"}), (lacking, header),
        (tensors, header | {"encoder": header["encoder"] | {"composition": "other"}}),
        (tensors, header | {"encoder": header["encoder"] | {"hidden": 5}}),
        (tensors, header | {"encoder": header["encoder"] | {"num_entities": 3}}),
    ]  # fmt: skip
    for kept, about in cases:
        save_file(kept, cut, {"classes": json.dumps(about)})
        with pytest.raises(ModelError) as fault:
            load_classes(cut)
        assert fault.value.code == "NS711"


def test_a_file_that_cannot_be_written_leaves_nothing(saved: dict, task: ClassGraph, tmp_path: Path) -> None:
    model: ClassModel = saved["none"][0]
    (tmp_path / "taken").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save_classes(tmp_path / "taken" / "m.safetensors", model, task)
