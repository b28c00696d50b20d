"""The whole score: its parts, its training, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurosym.errors import DataError
from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.explain import LinkExplanation, explain_link
from neurosym.links.fit import LinkFit, Recipe, fit, scorer
from neurosym.links.graph import TripleGraph
from neurosym.links.learning import learn_links
from neurosym.links.model import LinkModel
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.network.signed import SignedNetwork
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules import mine
from neurosym.links.rules.part import RuleScores
from neurosym.links.saving import load_links, save_links
from tests.links.samples import loaded

PARENT, BROTHER, UNCLE = range(3)


@pytest.fixture(scope="module")
def kin() -> TripleGraph:
    triples = [(k, PARENT, k + 10) for k in range(20)]
    triples += [(k, BROTHER, k + 1) for k in range(0, 20, 2)]
    triples += [(k, UNCLE, k + 11) for k in range(0, 20, 2)]
    return TripleGraph(tuple(f"p{k}" for k in range(31)), ("parent", "brother", "uncle"), np.array(triples))


def whole(kin: TripleGraph, seed: int = 0) -> LinkModel:
    rules = mine(kin, seconds=5, seed=seed)
    return LinkModel(PathNetwork(3, channels=6, rank=3, rounds=2, seed=seed), SignaturePrior(3), RuleScores(rules))


def trained(
    kin: TripleGraph, epochs: int = 4, checkpoint: Path | None = None, stop: int | None = None, **options: Any
) -> LinkModel:
    model = whole(kin)

    def told(result: LinkFit) -> None:
        if stop is not None and len(result.losses) == stop:
            raise KeyboardInterrupt

    recipe = Recipe(epochs=epochs, batch=8, seed=3, **options)
    fit(model, Adjacency.of(kin), kin.triples, recipe=recipe, checkpoint=checkpoint, progress=False, told=told)
    return model


def test_learning_ranks_what_follows_first(kin: TripleGraph) -> None:
    train = kin.triples[:-3]  # three uncles are left to be found
    graph = TripleGraph(kin.entities, kin.relations, train)
    model = LinkModel(
        PathNetwork(3, channels=6, rank=3, rounds=2), SignaturePrior(3), RuleScores(mine(graph, seconds=5))
    )
    result = fit(model, Adjacency.of(graph), train, recipe=Recipe(epochs=15, batch=8), progress=False)
    assert result.losses[-1] < result.losses[0]
    ranks = evaluate(scorer(model, Adjacency.of(graph)), kin.triples[-3:], KnownAnswers([kin.triples], 3))
    assert ranks.mrr() > 0.9


@pytest.mark.parametrize("options", [{}, {"edge_dropout": 0.3, "negatives": 5}])
def test_a_run_that_was_killed_ends_as_it_would_have(kin: TripleGraph, tmp_path: Path, options: dict) -> None:
    straight = trained(kin, **options)
    with pytest.raises(KeyboardInterrupt):
        trained(kin, checkpoint=tmp_path / "run", stop=2, **options)
    resumed = trained(kin, checkpoint=tmp_path / "run", **options)
    for (name, one), other in zip(straight.state_dict().items(), resumed.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, msg=name)


def test_few_negatives_and_fewer_edges_are_learned_from_too(kin: TripleGraph) -> None:
    model = trained(kin, epochs=15, edge_dropout=0.2, negatives=8)
    ranks = evaluate(scorer(model, Adjacency.of(kin)), kin.triples, KnownAnswers([kin.triples], 3))
    assert ranks.mrr() > 0.9
    weights = [trained(kin, negatives=k).state_dict()["paths.readout"] for k in (0, 8)]
    assert not torch.equal(*weights)


def test_the_head_is_no_answer_unless_training_has_things_related_to_themselves() -> None:
    # a friend's friend is a friend, and so would be everybody of themselves
    pairs = [(a, 0, b) for k in range(0, 20, 4) for a in range(k, k + 4) for b in range(k, k + 4) if a < b]
    loops = [(a, 1, a) for a in range(20)]
    graph = TripleGraph(tuple(f"p{k}" for k in range(20)), ("friend", "knows"), np.array([*pairs, *loops[:-1]]))
    model, adjacency = LinkModel(PathNetwork(2, channels=6, rank=3, rounds=2), SignaturePrior(2)), Adjacency.of(graph)
    learn_links(model, adjacency, graph.triples, np.array(loops[-1:]), Recipe(epochs=6, batch=8), progress=False)
    with torch.no_grad():
        friend, knows = (model(adjacency, np.array([[19, r]])).total[0] for r in (0, 1))
    assert int(friend.argmin()) == 19 and friend[19] < friend[18]
    assert int(knows.argmax()) == 19
    why = explain_link(model, graph, adjacency, 19, 1, 19)
    assert why.kinds[0].relation == "" and "is what was asked about" in str(why)
    assert sum(why.parts.values()) == pytest.approx(why.score, abs=1e-5)


def why_triple(kin: TripleGraph, why: LinkExplanation) -> list[int]:
    head, relation, tail = why.query
    return [kin.entity_ids[head], kin.relation_ids[relation], kin.entity_ids[tail]]


def test_parts_sum_and_each_reason_is_what_leaving_it_out_does(kin: TripleGraph) -> None:
    model, adjacency = trained(kin), Adjacency.of(kin)
    for head, relation, answer in ((4, UNCLE, 15), (15, 3 + UNCLE, 4), (2, PARENT, 12)):
        why = explain_link(model, kin, adjacency, head, relation, answer, paths=50, rules=50)
        assert sum(why.parts.values()) == pytest.approx(why.score, abs=1e-5)
        filtered = explain_link(
            model, kin, adjacency, head, relation, answer, known=KnownAnswers([kin.triples], 3)
        ).rank
        ranks = evaluate(scorer(model, adjacency), np.array([why_triple(kin, why)]), KnownAnswers([kin.triples], 3))
        assert filtered == ranks.mean[int(relation >= 3)] <= why.rank
        assert why.told["paths"] == pytest.approx(1, abs=1e-5)
        assert why.told["rules"] == pytest.approx(1, abs=1e-5)
        assert {s for p in why.paths for s, _, _ in p.edges} <= set(kin.entities)
        for reason in (*why.paths, *why.rules):
            edges = reason.edges if hasattr(reason, "edges") else reason.grounding  # type: ignore[union-attr]
            gone = {tuple(e) for e in edges}
            kept = [
                t
                for t in kin.triples.tolist()
                if (kin.entities[t[0]], kin.relations[t[1]], kin.entities[t[2]]) not in gone
            ]
            assert len(kept) == len(kin.triples) - len(gone)
            assert loaded(kin).query(reason.sparql).askAnswer
            less = Adjacency.of(TripleGraph(kin.entities, kin.relations, np.array(kept)))
            with torch.no_grad():
                score = float(model(less, np.array([[head, relation]])).total[0, answer])
            assert reason.without == pytest.approx(score, abs=1e-5)
        assert str(why).startswith(f"{why.query[0]} – {why.query[1]} – {why.query[2]}")


def test_a_network_of_any_weights_is_told_as_a_whole_and_by_what_leaving_edges_out_does(
    kin: TripleGraph, tmp_path: Path
) -> None:
    train = kin.triples[:-3]
    graph = TripleGraph(kin.entities, kin.relations, train)
    model = LinkModel(
        None, SignaturePrior(3), RuleScores(mine(graph, seconds=5)), SignedNetwork(3, channels=6, rank=3, rounds=2)
    )
    adjacency = Adjacency.of(graph)
    learn_links(model, adjacency, train, kin.triples[-3:-2], Recipe(epochs=15, batch=8), progress=False)
    ranks = evaluate(scorer(model, adjacency), kin.triples[-2:], KnownAnswers([kin.triples], 3))
    assert ranks.mrr() > 0.9
    alone = LinkModel(prior=model.prior, messages=model.messages)
    for asked in (model, alone):
        why = explain_link(asked, graph, adjacency, 18, UNCLE, 29)
        assert sum(why.parts.values()) == pytest.approx(why.score, abs=1e-4) and "messages" in why.parts
        assert not why.paths and "messages" not in why.told
        # p18 is p19's brother, who is p29's parent: the shortest path; rules cite other edges as well
        shortest = {("p18", "brother", "p19"), ("p19", "parent", "p29")}
        found = {e.edge for e in why.effects}
        assert shortest <= found and (asked is model or found == shortest)
        for effect in why.effects:
            s, r, o = effect.edge
            less = graph.without([(graph.entity_ids[s], graph.relation_ids[r], graph.entity_ids[o])])
            again = float(scorer(asked, Adjacency.of(less))(np.array([[18, UNCLE]]))[0, 29])
            assert effect.without == pytest.approx(again, abs=1e-5)
        assert "no sum of reasons" in why.to_html()
    save_links(tmp_path / "model", model, kin.relations)
    saved = load_links(tmp_path / "model").model
    query = np.array([[18, UNCLE], [29, 3 + UNCLE]])
    assert np.array_equal(scorer(saved, adjacency)(query), scorer(model, adjacency)(query))


def test_paths_and_messages_are_learned_apart_and_stand_side_by_side(kin: TripleGraph, tmp_path: Path) -> None:
    train, told = kin.triples[:-3], []
    graph = TripleGraph(kin.entities, kin.relations, train)
    model = LinkModel(
        PathNetwork(3, channels=4, rank=3, rounds=3), SignaturePrior(3), RuleScores(mine(graph, seconds=5)),
        SignedNetwork(3, channels=4, rank=3, rounds=2),
    )  # fmt: skip
    adjacency = Adjacency.of(graph)
    learned = learn_links(
        model, adjacency, train, kin.triples[-3:-2], Recipe(epochs=4, batch=8), folder=tmp_path, progress=False,
        told=lambda stage, so_far: told.append((stage.name, [n.part for n in so_far.networks])),
    )  # fmt: skip
    both = ["paths", "messages"]
    assert told == [
        ("rules", []), ("others", ["paths"]), ("messages", ["messages"]), ("balanced", both), ("together", both)
    ]  # fmt: skip
    assert len(learned.messages) == 1 and len(learned.messages[0].mrr) == 4
    query = np.array([[18, UNCLE], [29, 3 + UNCLE]])
    with torch.no_grad():
        parts = model(adjacency, query).parts
        alone = LinkModel(messages=model.messages).eval()(adjacency, query).parts
    assert set(parts) == {"rules", "prior", "paths", "messages"}
    assert torch.equal(parts["messages"], alone["messages"])
    why = explain_link(model, graph, adjacency, 18, UNCLE, 29)
    assert sum(why.parts.values()) == pytest.approx(why.score, abs=1e-4) and set(why.told) == {"paths", "rules"}
    assert "no sum of reasons" in why.to_html()
    shortest = {("p18", "brother", "p19"), ("p19", "parent", "p29")}  # cited though rules and paths have many edges
    assert shortest <= {e.edge for e in explain_link(model, graph, adjacency, 18, UNCLE, 29, effects=2).effects}
    save_links(tmp_path / "model", model, kin.relations)
    saved = load_links(tmp_path / "model").model
    assert np.array_equal(scorer(saved, adjacency)(query), scorer(model, adjacency)(query))
    before = {name: part.clone() for name, part in parts.items()}
    model.rescale("messages", 0.5, 2.0)
    with torch.no_grad():
        after = model(adjacency, query).parts
    for name, part in after.items():
        assert torch.allclose(part, before[name] * (0.5 if name == "messages" else 2.0), atol=1e-4), name


def test_the_own_triple_counts_for_no_part_while_it_is_learned(kin: TripleGraph) -> None:
    model, adjacency = trained(kin), Adjacency.of(kin)
    head, relation, answer = kin.triples[-1].tolist()
    less = Adjacency.of(kin.without([(head, relation, answer)]))
    query = np.array([[head, relation]])
    with torch.no_grad():
        hidden, removed = model(adjacency, query, np.array([answer])), model(less, query)
    for name in hidden.parts:  # the graph without the triple gives the answer the same score, part by part
        assert float(hidden.parts[name][0, answer]) == pytest.approx(float(removed.parts[name][0, answer]), abs=1e-5)


def test_what_cannot_be_is_refused(kin: TripleGraph) -> None:
    with pytest.raises(DataError) as fault:
        LinkModel()
    assert fault.value.code == "NS931"
    with pytest.raises(DataError, match="SignedNetwork as `messages`") as fault:
        LinkModel(SignedNetwork(3))  # pyright: ignore[reportArgumentType]
    assert fault.value.code == "NS931"
    model = whole(kin)
    with pytest.raises(DataError) as fault:
        fit(model, Adjacency.of(kin), np.zeros((0, 3), np.int64), progress=False)
    assert fault.value.code == "NS932"
    with pytest.raises(DataError, match="0 epochs") as fault:
        fit(model, Adjacency.of(kin), kin.triples, recipe=Recipe(epochs=0), progress=False)
    assert fault.value.code == "NS932"
    with pytest.raises(DataError) as fault:
        explain_link(model, kin, Adjacency.of(kin), 99, 0, 0)
    assert fault.value.code == "NS934"
    with torch.no_grad():
        assert model.prior is not None
        model.prior.weight.fill_(torch.inf)
    with pytest.raises(DataError) as fault:
        fit(model, Adjacency.of(kin), kin.triples, recipe=Recipe(epochs=1, batch=8), progress=False)
    assert fault.value.code == "NS933"
