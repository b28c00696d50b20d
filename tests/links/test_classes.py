"""Classes of entities: the label kept out, the parts summed, the effects of edges as stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from neurosym.errors import DataError, FactError
from neurosym.links.classes import (
    ClassGraph,
    ClassModel,
    ClassRules,
    Labels,
    class_graph,
    explain_class,
    fit_classes,
    read_labels,
    withhold,
)
from neurosym.links.classes.explain import neighbourhood
from neurosym.links.rules import mine
from neurosym.neural.encoders import CompGCNEncoder, RGCNEncoder
from tests.links.samples import CLASSES, OWL, SUB, groups, known_labels, learned_classes, named_graph, rows


@pytest.fixture(scope="module")
def task() -> ClassGraph:
    return class_graph(groups(), "in", CLASSES)


@pytest.fixture(scope="module")
def known(task: ClassGraph) -> Labels:
    return known_labels(task)


@pytest.fixture(scope="module", params=[RGCNEncoder, CompGCNEncoder])
def model(request: pytest.FixtureRequest, task: ClassGraph, known: Labels) -> ClassModel:
    encoder = request.param(len(task.graph.entities), len(task.graph.relations), 2, hidden=4)
    return learned_classes(task, known, encoder)


# ------------------------------------------------------------------------------------------------- the label kept out


def test_the_label_and_what_says_it_again_are_taken_out() -> None:
    graph = groups()
    found = withhold(graph, "in")
    why = {leak.relation: (leak.why, leak.removed, leak.kept) for leak in found.leaks}
    assert why == {"in": ("the label", 12, 0), "has": ("declared", 12, 0), "staff": ("restates", 12, 1)}
    assert len(found.removed) == 36 and len(found.graph.triples) == len(graph.triples) - 36
    left = {tuple(t) for t in found.graph.triples.tolist()}
    assert not left & {tuple(t) for t in found.removed.tolist()}
    assert found.graph.relations == graph.relations
    assert "staff: 12 triples, 1 kept" in str(found) and "right for 12 of 12" in str(found)


def test_what_the_label_implies_says_less_than_the_label() -> None:
    """`near` is wrong for many: a wider relation stays; a narrower one goes, and an inverse of an inverse."""
    assert "near" not in {leak.relation for leak in withhold(groups(), "in").leaks}
    more = [*rows(), ("leads", SUB, "in"), ("led", f"{OWL}inverseOf", "leads"), ("p0", "leads", "red")]
    more += [("red", "led", "p0"), ("p1", "leads", "red_project")]
    found = {leak.relation: leak for leak in withhold(named_graph(more), "in", restating=None).leaks}
    assert set(found) == {"in", "has", "leads", "led"} and found["leads"].removed == 2


def test_as_published_only_what_is_declared_goes() -> None:
    found = withhold(groups(), "in", restating=None)
    assert {leak.relation for leak in found.leaks} == {"in", "has"}


def test_a_label_that_the_graph_has_not_is_named() -> None:
    with pytest.raises(DataError, match="no relation `of`") as fault:
        withhold(groups(), "of")
    assert fault.value.code == "NS934"


def test_only_the_known_labels_are_in_the_graph_of_the_rules(task: ClassGraph, known: Labels) -> None:
    assert not (task.graph.triples[:, 1] == task.relation).any()
    said = task.known(known).triples
    said = said[said[:, 1] == task.relation]
    assert said[:, 0].tolist() == known.entities.tolist() and len(said) == 8


def test_in_training_a_rule_does_not_know_the_label_that_it_was_mined_from(task: ClassGraph, known: Labels) -> None:
    rules = mine(task.known(known), [task.relation])
    rules = rules.take(rules.head == task.relation)
    part = ClassRules(rules, dropout=0, best=100)
    asked = part.fired(task.known(known), task, known.entities)
    learning = part.fired(task.known(known), task, known.entities, known.classes)
    assert bool((asked.factor == 1).all())
    own = torch.from_numpy(known.classes)[learning.row] == learning.column
    used = learning.rules >= 0
    assert bool((learning.factor[~own] == 1).all()) and bool((learning.factor[own][used[own]] < 1).all())
    for row, factor in zip(learning.rules[own].tolist(), learning.factor[own].tolist(), strict=True):
        for rule, f in zip(row, factor, strict=True):
            if rule >= 0:
                s, b = int(rules.support[rule]), int(rules.body_count[rule])
                wanted = np.log1p(-(s - 1) / (b + 5)) / np.log1p(-s / (b + 5)) if s > 2 else 0
                assert f == pytest.approx(wanted, abs=1e-6)


# ---------------------------------------------------------------------------------------------- scores and their parts


def test_the_parts_are_the_score(model: ClassModel, task: ClassGraph, known: Labels) -> None:
    people = np.array([task.graph.entity_ids[f"p{k}"] for k in range(8, 12)])
    scores = model.predict(task, known, people)
    assert set(scores.parts) == {"rules", "encoder"}
    assert torch.allclose(scores.total, scores.parts["rules"] + scores.parts["encoder"])
    assert torch.allclose(scores.parts["encoder"].sum(1), torch.zeros(4), atol=1e-5)
    assert torch.allclose(scores.probability.sum(1), torch.ones(4))
    assert scores.total.argmax(1).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("person", ["p9", "p5"])
def test_an_edge_is_worth_what_is_said(model: ClassModel, task: ClassGraph, known: Labels, person: str) -> None:
    entity, graph = task.graph.entity_ids[person], task.graph
    why = explain_class(model, task, known, entity, rules=50, edges=50)
    assert why.score == pytest.approx(sum(why.parts.values()), abs=1e-5)
    assert why.told["rules"] == pytest.approx(1) and why.rules and why.edges
    assert sum(r.share for r in why.rules) == pytest.approx(why.parts["rules"], abs=1e-5)
    others = known.take(known.entities != entity)
    answer = CLASSES.index(why.answer)

    def again(edges: list[tuple[str, str, str]]) -> dict[str, float]:
        rows = [(graph.entity_ids[s], graph.relation_ids[p], graph.entity_ids[o]) for s, p, o in edges]
        labels = others.take(
            np.array([(e, task.relation, task.classes[c]) not in rows for e, c in zip(others.entities, others.classes,
                                                                                     strict=True)])
        )  # fmt: skip
        less = ClassGraph(withhold(graph.without(rows), "in"), task.relation, task.classes)
        found = model.predict(less, labels, np.array([entity]))
        return {name: float(part[0, answer]) for name, part in found.parts.items()}

    whole = again([])
    for reason in why.edges:
        found = again([reason.edge])
        assert reason.encoder == pytest.approx(whole["encoder"] - found["encoder"], abs=1e-4)
        assert reason.without == pytest.approx(sum(found.values()), abs=1e-4)
    for reason in why.rules:
        assert reason.without == pytest.approx(sum(again(list(reason.grounding)).values()), abs=1e-4)
    assert why.searched == why.reachable


def test_an_explanation_cites_no_edge_that_was_taken_out(model: ClassModel, task: ClassGraph, known: Labels) -> None:
    """The only labels that it cites are known ones of other people."""
    graph = task.graph
    removed = {(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in task.withheld.removed.tolist()}
    entity = graph.entity_ids["p10"]
    why = explain_class(model, task, known, entity, rules=100, edges=100)
    allowed = {(graph.entities[e], "in", CLASSES[c]) for e, c in zip(known.entities, known.classes, strict=True)}
    cited = {e for r in why.rules for e in r.grounding} | {e.edge for e in why.edges}
    assert cited and not (cited - allowed) & removed
    text = str(why)
    assert f"p = {why.probability:.3f}" in text and why.to_dict()["entity"] == "p10"


def test_a_search_that_is_cut_says_so(model: ClassModel, task: ClassGraph, known: Labels) -> None:
    why = explain_class(model, task, known, task.graph.entity_ids["p9"], max_edges=2)
    assert why.searched == 2 < why.reachable and "2 of" in str(why)


def test_a_neighbourhood_comes_nearest_first() -> None:
    graph = named_graph([("c", "r", "d"), ("b", "r", "c"), ("a", "r", "b"), ("x", "r", "y")])
    found, entities = neighbourhood(graph, graph.entity_ids["a"], 2)
    assert found.tolist() == [2, 1]
    assert {graph.entities[e] for e in entities} == {"a", "b", "c"}


def test_one_part_alone(task: ClassGraph, known: Labels) -> None:
    encoder = RGCNEncoder(len(task.graph.entities), len(task.graph.relations), 2)
    made = ClassModel(encoder=encoder)
    assert set(made.predict(task, known, known.entities).parts) == {"encoder"}
    with pytest.raises(DataError, match="needs a part"):
        ClassModel()


def test_what_cannot_be_learned_or_explained_is_refused(task: ClassGraph, known: Labels) -> None:
    made = ClassModel(encoder=RGCNEncoder(len(task.graph.entities), len(task.graph.relations), 2))
    with pytest.raises(DataError) as fault:
        fit_classes(made, task, known.take(np.zeros(0, np.int64)))
    assert fault.value.code == "NS932"
    with pytest.raises(DataError) as fault:
        explain_class(made, task, known, 0, answer=2)
    assert fault.value.code == "NS934"


# ------------------------------------------------------------------------------------------------------------ reading


def test_labels_are_read_with_their_classes(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("person\tid\tlabel_affiliation\np1\t1.0\tred\np0\t2.0\tblue\n", "utf-8")
    graph = groups()
    labels, names = read_labels(path, graph)
    assert names == ("blue", "red") and labels.classes.tolist() == [1, 0]
    assert labels.entities.tolist() == [graph.entity_ids["p1"], graph.entity_ids["p0"]]
    assert read_labels(path, graph, ("red", "blue"))[0].classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("person\tlabel_affiliation\nnobody\tred\n", DataError, "NS934"),
        ("person\tlabel_affiliation\np0\tgreen\n", DataError, "NS934"),
        ("person\tgroup\np0\tred\n", FactError, "NS303"),
        ("", FactError, "NS303"),
    ],
)
def test_labels_that_fit_no_graph_are_named(tmp_path: Path, text: str, kind: type[Exception], code: str) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(kind) as fault:
        read_labels(path, groups(), CLASSES)
    assert fault.value.code == code  # type: ignore[attr-defined]
