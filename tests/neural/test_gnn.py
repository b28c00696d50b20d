"""The relational graph network: weighted edges, unseen nodes, directions, seeds, configs."""

import json

import pytest
import torch
from torch import Tensor

from neurosym.errors import NetworkError
from neurosym.neural import GraphInput, RelationalGNN, from_config

ONTOLOGY = ("big", "rough", "size", "shape")
EDGES = [("big", "sub", "size"), ("rough", "sub", "shape")]


def network(**options: object) -> RelationalGNN:
    directions = {"has": "backward"}
    return RelationalGNN(["sub"], ONTOLOGY, reads=["has"], hidden=6, directions=directions, **options)  # type: ignore[arg-type]


def graph(weights: dict[tuple[str, str], float], extra: tuple[str, ...] = ()) -> tuple[GraphInput, Tensor]:
    patients = tuple(dict.fromkeys(p for p, _ in weights)) + extra
    nodes = (*ONTOLOGY, *patients)
    edges = EDGES + [(p, "has", a) for p, a in weights]
    index = torch.tensor([[nodes.index(s), nodes.index(o)] for s, _, o in edges]).T
    kind = torch.tensor([("has", "sub").index(r) for _, r, _ in edges])
    weight = torch.tensor([1.0] * len(EDGES) + list(weights.values()), requires_grad=True)
    return GraphInput(nodes, index, kind, weight, ("has", "sub")), torch.arange(len(ONTOLOGY), len(nodes))


TWO = {("p1", "big"): 0.9, ("p1", "rough"): 0.2, ("p2", "big"): 0.1, ("p2", "rough"): 0.6}


def test_shape_and_gradients_reach_the_edges() -> None:
    g, nodes = graph(TWO)
    logits = network()(g, nodes)
    assert logits.shape == (2, 1)
    (slope,) = torch.autograd.grad(logits.sum(), g.edge_weight)
    assert torch.isfinite(slope).all() and (slope[len(EDGES) :] != 0).all()


def test_gradients_are_finite_at_weight_zero() -> None:
    g, nodes = graph({("p1", "big"): 0.0})
    (slope,) = torch.autograd.grad(network()(g, nodes).sum(), g.edge_weight)
    assert torch.isfinite(slope).all()


def test_an_edge_of_weight_zero_is_an_absent_edge() -> None:
    net = network()
    with_zero = net(*graph({("p1", "big"): 0.9, ("p1", "rough"): 0.0}))
    without = net(*graph({("p1", "big"): 0.9}))
    assert torch.allclose(with_zero, without, atol=1e-6)


def test_patients_do_not_depend_on_who_else_is_there() -> None:
    net = network()
    together = net(*graph(TWO))
    alone = net(*graph({k: v for k, v in TWO.items() if k[0] == "p2"}))
    assert torch.allclose(together[1], alone[0], atol=1e-6)


def test_unseen_nodes_and_relations_need_no_training() -> None:
    net = network()
    g, nodes = graph({("someone new", "big"): 1.0}, extra=("no edges",))
    logits = net(g, nodes)
    assert torch.isfinite(logits).all() and logits[0] != logits[1]
    other = GraphInput(g.nodes, g.edge_index, g.edge_type + 1, g.edge_weight, ("unheard of", "has", "sub"))
    assert torch.equal(net(other, nodes), logits)


def test_the_number_of_findings_is_heard() -> None:
    net = network()
    one = net(*graph({("p", "big"): 1.0}))
    both = net(*graph({("p", "big"): 1.0, ("p", "rough"): 1.0}))
    assert not torch.allclose(one, both, atol=1e-4)


def test_relabelling_the_nodes_changes_nothing() -> None:
    net = network()
    g, nodes = graph(TWO)
    order = torch.tensor([5, 3, 0, 4, 2, 1])
    place = torch.argsort(order)
    turned = GraphInput(tuple(g.nodes[i] for i in order), place[g.edge_index], g.edge_type, g.edge_weight, g.relations)
    assert torch.allclose(net(g, nodes), net(turned, place[nodes]), atol=1e-6)


def test_seed_and_config_give_the_same_network() -> None:
    torch.manual_seed(5)
    first = network(seed=3)
    torch.manual_seed(6)
    second = network(seed=3)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.embedding, network(seed=4).embedding)
    again = from_config("RelationalGNN", json.loads(json.dumps(first.config())))
    again.load_state_dict(first.state_dict())
    g, nodes = graph(TWO)
    assert torch.equal(first(g, nodes), again(g, nodes))
    assert first.uses_graph and first.reads == ("has",)


def test_faults_are_named() -> None:
    g, _ = graph(TWO)
    with pytest.raises(NetworkError, match="edges"):
        GraphInput(g.nodes, g.edge_index, g.edge_type, g.edge_weight[:-1], g.relations)
    with pytest.raises(NetworkError, match="names a node"):
        GraphInput(g.nodes[:2], g.edge_index, g.edge_type, g.edge_weight, g.relations)
    with pytest.raises(NetworkError, match="sideways"):
        RelationalGNN(["sub"], [], directions={"sub": "sideways"})
