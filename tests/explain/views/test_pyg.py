"""Explanations as torch_geometric's: masks over a network's graph or the ground program, with measured figures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch_geometric.explain import Explanation as PygExplanation
from torch_geometric.explain.metric import fidelity, unfaithfulness

import neurosym as ns
from neurosym.explain.views.pyg import graph_view
from neurosym.neural import RelationalGNN
from tests.explain.views.made import EX, TYPE, care, iri, of_program_answers
from tests.explain.views.test_schema import EXACT

# explained by all that they depend on, these are no probabilities of one program over facts
OTHERS = {"empty"}


# ---------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize("name", sorted(set(EXACT) - OTHERS))
def test_rules_alone_are_explained_faithfully(name: str) -> None:
    """The claim, computed again from the masked facts by the verifier's code, is the engine's."""
    answers = of_program_answers(name)
    for k, atom in enumerate(answers.atoms):
        if answers.facts[k] < 0:
            continue
        found = ns.explain(answers, atom, contributions=False).to_pyg(answers)
        assert found.unfaithfulness == pytest.approx(0, abs=1e-9)
        assert found.fidelity_minus == 0
        assert float(found.prediction[0, 1]) == pytest.approx(float(answers.tags[0, k]), abs=1e-9)


def test_the_masks_are_what_the_claim_depends_on() -> None:
    answers = care()
    found = ns.explain(answers, "ex:at_risk(ex:ann)").to_pyg(answers)
    assert isinstance(found, PygExplanation) and found.validate_masks()
    kept = {n for n, m in zip(found.node_names, found.node_mask[:, 0].tolist(), strict=True) if m}
    assert "ex:at_risk(ex:ann)" in kept and "ex:takes(ex:ann, ex:aspirin)" in kept
    assert not kept & {"ex:at_risk(ex:bob)", "ex:Frail(ex:ann)", "ex:complication(ex:ann, ex:Bleeding)"}
    assert 0 < found.edge_mask.sum() < len(found.edge_mask)
    assert (found.unfaithfulness, found.fidelity_plus, found.fidelity_minus) == (pytest.approx(0, abs=1e-12), 1, 0)


@pytest.mark.parametrize(
    ("atom", "expected"),
    [
        ("ex:takes(ex:ann, ex:aspirin)", 0.8),
        ("ex:Patient(ex:ann)", 0.0),
        ("ex:at_risk(ex:bob)", 0.96),
        ("ex:Frail(ex:ann)", 0.96),
    ],
)
def test_the_figure_is_measured(atom: str, expected: float) -> None:
    """With a fact out of the mask, the claim is what the model says without it, and the figure what PyG makes of it."""
    answers = care()
    explainer, found = graph_view(ns.explain(answers, "ex:at_risk(ex:ann)"), answers)
    mask = found.node_mask.clone()
    mask[found.node_names.index(atom)] = 0
    said = explainer.get_masked_prediction(found.x, found.edge_index, mask, found.edge_mask)
    assert float(said[0, 1]) == pytest.approx(expected, abs=1e-9)
    found.node_mask = mask
    p, q = said[0].tolist(), found.prediction[0].tolist()
    divergence = sum(a * torch.log(torch.tensor(a / b, dtype=torch.float64)).item() for a, b in zip(p, q, strict=True))
    assert unfaithfulness(explainer, found) == pytest.approx(1 - 2.718281828459045**-divergence, abs=1e-6)
    assert (unfaithfulness(explainer, found) > 0.1) == (expected != 0.96)


def test_a_masked_edge_keeps_a_rule_from_firing() -> None:
    answers = care()
    explainer, found = graph_view(ns.explain(answers, "ex:at_risk(ex:ann)"), answers)
    source, target = found.edge_index.tolist()
    names = found.node_names
    edges = [
        k for k in range(len(source)) if names[source[k]] == "ex:takes(ex:ann, ex:warfarin)" and found.edge_mask[k]
    ]
    assert edges and all(names[target[k]] == "ex:at_risk(ex:ann)" for k in edges)
    found.edge_mask[edges] = 0
    said = explainer.get_masked_prediction(found.x, found.edge_index, found.node_mask, found.edge_mask)
    assert float(said[0, 1]) == pytest.approx(0.8)


def test_what_is_negated_and_masked_counts_as_false() -> None:
    text = "0.4 :: rain. 0.9 :: go. walk :- go, not rain. query(walk)."
    answers = ns.Reasoner(ns.Program.from_text(text)).query()
    explainer, found = graph_view(ns.explain(answers, "walk"), answers)
    assert float(found.prediction[0, 1]) == pytest.approx(0.9 * 0.6)
    assert sorted(found.edge_sign.tolist()) == [False, True]
    found.edge_mask[~found.edge_sign] = 0
    said = explainer.get_masked_prediction(found.x, found.edge_index, found.node_mask, found.edge_mask)
    assert float(said[0, 1]) == pytest.approx(0.9)


def test_evidence_is_part_of_what_the_claim_rests_on() -> None:
    text = "0.5 :: a. 0.5 :: b. c :- a. c :- b. 0.5 :: d. evidence(c). query(a)."
    answers = ns.Reasoner(ns.Program.from_text(text)).query()
    found = ns.explain(answers, "a").to_pyg(answers)
    assert float(found.prediction[0, 1]) == pytest.approx(2 / 3)
    assert found.unfaithfulness == pytest.approx(0, abs=1e-12)
    kept = {n for n, m in zip(found.node_names, found.node_mask[:, 0].tolist(), strict=True) if m}
    assert {"a", "b", "c"} <= kept and "d" not in kept


@pytest.mark.parametrize("semantics", ["viterbi", "goedel", "product", "lukasiewicz"])
def test_other_semantics(semantics: str) -> None:
    answers = ns.Reasoner(
        ns.Program.from_text("0.5 :: a. 0.4 :: b. c :- a. c :- b, a. query(c)."), semantics=semantics
    ).query()
    assert ns.explain(answers, "c").to_pyg(answers).unfaithfulness == pytest.approx(0, abs=1e-9)


# ------------------------------------------------------------------------------------------------- graph networks

WARD = """
@prefix ex: <http://example.org/> .
neural sick(p: ex:Patient) by gnn .
rule ill if ex:Patient(?p) and sick(?p) then ill(?p) .
"""


def ward(network: nn.Module, patients: int = 3) -> ns.Answers:
    """Patients with symptoms of their own, two of which point to a disease."""
    triples = []
    for k in range(patients):
        triples += [(iri(f"p{k}"), TYPE, iri("Patient"))]
        triples += [(iri(f"p{k}"), iri("has"), iri(s)) for s in (f"s{k}", "fever", f"noise{k}a", f"noise{k}b")]
    triples += [(iri("s0"), iri("points_to"), iri("flu")), (iri("fever"), iri("points_to"), iri("flu"))]
    reasoner = ns.Reasoner(ns.Program.from_text(WARD), ns.FactBase.from_triples(triples), {"gnn": network})
    return reasoner.query("ill(P)")


class Sums(nn.Module):
    """Says how many signs of a patient point to the flu: what matters is known."""

    uses_graph = True
    relations = (EX + "has", EX + "points_to")

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.tensor(4.0, dtype=torch.float64))

    def forward(self, graph: Any, nodes: torch.Tensor) -> torch.Tensor:
        source, target = graph.edge_index
        points = torch.tensor([r.endswith("points_to") for r in graph.relations])[graph.edge_type]
        weight = graph.edge_weight.double()
        value = torch.zeros(len(graph.nodes), dtype=torch.float64)
        value = value.index_add(0, source[points], weight[points])
        total = torch.zeros(len(graph.nodes), dtype=torch.float64)
        total = total.index_add(0, source[~points], weight[~points] * value[target[~points]])
        return (self.anchor * total[nodes] - 3.0)[:, None]


def edges(found: Any, mask: torch.Tensor) -> set[tuple[str, str]]:
    names = [n.rpartition("/")[2] for n in found.node_names]
    pairs = zip(*found.edge_index.tolist(), mask.tolist(), strict=True)
    return {(names[s], names[o]) for s, o, m in pairs if m}


def test_the_edges_that_matter_and_no_others_are_kept() -> None:
    answers = ward(Sums())
    why = ns.explain(answers, "ill(ex:p0)")
    found = why.to_pyg(answers)
    assert isinstance(found, PygExplanation) and found.validate_masks()
    assert found.atom == "sick(ex:p0)"
    assert edges(found, found.edge_mask) == {("p0", "s0"), ("p0", "fever"), ("s0", "flu"), ("fever", "flu")}
    kept = [n.rpartition("/")[2] for n, m in zip(found.node_names, found.node_mask[:, 0].tolist(), strict=True) if m]
    assert sorted(kept) == ["fever", "flu", "p0", "s0"]
    assert 0 <= found.unfaithfulness < 1e-3
    assert (found.fidelity_plus, found.fidelity_minus) == (1.0, 0.0)
    assert float(found.prediction[0, 1]) == pytest.approx(torch.sigmoid(torch.tensor(5.0)).item(), abs=1e-6)
    # integrated gradients add up to what all edges together change
    none = torch.sigmoid(torch.tensor(-3.0)).item()
    assert float(found.edge_score.sum()) == pytest.approx(float(found.prediction[0, 1]) - none, abs=2e-3)


def test_the_figures_are_pygs_and_see_a_bad_mask() -> None:
    answers = ward(Sums())
    explainer, found = graph_view(ns.explain(answers, "ill(ex:p0)"), answers)
    assert unfaithfulness(explainer, found) == found.unfaithfulness
    assert fidelity(explainer, found) == (found.fidelity_plus, found.fidelity_minus)
    found.edge_mask, found.node_mask = 1 - found.edge_mask, torch.ones_like(found.node_mask)
    assert unfaithfulness(explainer, found) > 0.9
    assert fidelity(explainer, found)[1] == 1.0
    found.edge_mask = torch.ones_like(found.edge_mask)
    found.node_mask = torch.tensor([[float(not n.endswith("flu"))] for n in found.node_names], dtype=torch.float64)
    assert unfaithfulness(explainer, found) > 0.9  # a node that is not there has no edges


def test_without_gradients_edges_are_left_out_one_by_one() -> None:
    class Counts(Sums):
        def forward(self, graph: Any, nodes: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return super().forward(graph, nodes)

    answers = ward(Counts())
    found = ns.explain(answers, "ill(ex:p1)").to_pyg(answers)
    assert edges(found, found.edge_mask) == {("p1", "fever"), ("fever", "flu")}
    assert edges(found, found.edge_score.abs() > 1e-9) == {("p1", "fever"), ("fever", "flu")}


def test_a_relational_network_and_its_state() -> None:
    network = RelationalGNN(
        [EX + "has", EX + "points_to"], [EX + "flu", EX + "fever"], hidden=8, prior=0.5, dropout=0.5
    )
    with torch.no_grad():
        network.out.weight.mul_(20)
    network.double().train().rounds.eval()
    answers = ward(network)
    why = ns.explain(answers, "ill(ex:p0)")
    first, second = why.to_pyg(answers), why.to_pyg(answers)
    assert torch.equal(first.edge_mask, second.edge_mask)  # no dropout
    assert network.training and network.out.training and not any(r.training for r in network.rounds)
    assert all(p.grad is None for p in network.parameters())
    assert first.unfaithfulness < 0.01
    far = {n for e in edges(first, first.edge_score.abs() > 1e-12) for n in e}
    assert not far & {"noise1a", "noise2b"}  # two rounds from p0 reach no patient's own signs but through `fever`
    node = next(n.id for n in why.nodes.values() if n.kind == "neural")
    assert torch.equal(why.to_pyg(answers, node=node).edge_mask, first.edge_mask)


# --------------------------------------------------------------------------------------------------------- refusals


def test_what_has_no_such_view_is_refused() -> None:
    answers = care()
    why = ns.explain(answers, "ex:at_risk(ex:ann)")
    counted = ns.Reasoner(ns.Program.from_text("a. b :- a."), semantics="count").query("b")
    absent = ns.Reasoner(ns.Program.from_text("a :- b. pred b .")).query("a")
    for call in (
        lambda: why.to_pyg(counted),
        lambda: why.to_pyg(answers, node="none"),
        lambda: ns.explain(counted, "b").to_pyg(counted),
        lambda: ns.explain(absent, "a").to_pyg(absent),
    ):
        with pytest.raises(ns.NeurosymError) as caught:
            call()
        assert caught.value.code == "NS863"
