"""Encoders of whole graphs, against sums written out by hand, edge by edge."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurosym.errors import NetworkError
from neurosym.neural.encoders import COMPOSITIONS, CompGCNEncoder, RGCNEncoder, correlate

# 5 entities, 2 relations; the inverses of the edges are the last half. Entity 3 hears twice by one relation.
TRIPLES = torch.tensor([[0, 0, 1], [1, 1, 2], [0, 0, 3], [2, 0, 3], [3, 1, 0]])
EDGES = torch.cat([TRIPLES, TRIPLES[:, [2, 1, 0]] + torch.tensor([0, 2, 0])])
ALL = torch.arange(5)


def heard(edges: Tensor, node: int, relation: int) -> list[int]:
    return [h for h, r, t in edges.tolist() if t == node and r == relation]


def dense_rgcn(model: RGCNEncoder, edges: Tensor) -> Tensor:
    x, layers = model.embedding, list[Any](model.rounds)
    for i, layer in enumerate(layers):
        weight = layer.weight
        if layer.num_bases is not None:
            weight = torch.einsum("rb,bij->rij", layer.comp, weight)
        rows = []
        for node in range(len(x)):
            row = x[node] @ layer.root + layer.bias
            for relation in range(4):
                sources = heard(edges, node, relation)
                if sources:
                    row = row + x[sources].mean(0) @ weight[relation]
            rows.append(row)
        x = torch.stack(rows)
        x = torch.relu(x) if i + 1 < len(layers) else x
    return x


def dense_compgcn(model: CompGCNEncoder, edges: Tensor, composition: str) -> Tensor:
    x, z, layers = model.embedding, model.relations, list[Any](model.rounds)
    compose = COMPOSITIONS[composition]
    for i, layer in enumerate(layers):
        ways = [edges[edges[:, 1] < 2], edges[edges[:, 1] >= 2]]
        rows = []
        for node in range(len(x)):
            row = layer.loop(compose(x[node], layer.loop_relation[0]))
            for way, part in zip(layer.ways, ways, strict=True):
                degree = lambda v, part=part: max(1, int((part[:, 2] == v).sum()))  # noqa: E731
                for head, relation, tail in part.tolist():
                    if tail == node:
                        norm = (degree(head) * degree(tail)) ** -0.5
                        row = row + norm * (way.weight @ compose(x[head], z[relation]))
            rows.append(row / 3)
        x, z = torch.stack(rows), layer.relation(z)
        x = torch.tanh(x) if i + 1 < len(layers) else x
    return x


@pytest.mark.parametrize("bases", [None, 2])
def test_rgcn_is_the_mean_of_each_relation(bases: int | None) -> None:
    model = RGCNEncoder(5, 2, out=3, hidden=4, bases=bases, seed=1).double()
    assert torch.allclose(model(EDGES, ALL), dense_rgcn(model, EDGES), atol=1e-12)


@pytest.mark.parametrize("composition", list(COMPOSITIONS))
@pytest.mark.parametrize("layers", [1, 2])
def test_compgcn_is_the_sum_of_compositions(composition: str, layers: int) -> None:
    model = CompGCNEncoder(5, 2, out=3, hidden=4, layers=layers, composition=composition, seed=1).double()
    assert torch.allclose(model(EDGES, ALL), dense_compgcn(model, EDGES, composition), atol=1e-12)


@pytest.mark.parametrize("width", [4, 5])
def test_correlation_is_as_defined(width: int) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, width, dtype=torch.float64)
    wanted = [sum(a[:, i] * b[:, (i + k) % width] for i in range(width)) for k in range(width)]
    assert torch.allclose(correlate(a, b), torch.stack(wanted, 1), atol=1e-12)  # pyright: ignore


@pytest.mark.parametrize("composition", list(COMPOSITIONS))
def test_gradients_of_compgcn(composition: str) -> None:
    model = CompGCNEncoder(5, 2, out=2, hidden=3, composition=composition, seed=2).double()

    def function(embedding: Tensor, relations: Tensor) -> Tensor:
        given = {"embedding": embedding, "relations": relations}
        return torch.func.functional_call(model, given, (EDGES, ALL))

    starts = tuple(p.detach().clone().requires_grad_() for p in (model.embedding, model.relations))
    assert torch.autograd.gradcheck(function, starts)


@pytest.mark.parametrize("kind", [RGCNEncoder, CompGCNEncoder])
def test_copies_side_by_side_hear_nothing_of_each_other(kind: type[RGCNEncoder]) -> None:
    model = kind(5, 2, out=3, hidden=4, seed=3)
    less = EDGES[1:5]
    both = torch.cat([EDGES, less + torch.tensor([5, 0, 5])])
    found = model(both, torch.cat([ALL, ALL]))
    assert torch.allclose(found[:5], model(EDGES, ALL), atol=1e-6)
    assert torch.allclose(found[5:], model(less, ALL), atol=1e-6)
    assert not torch.allclose(found[:5], found[5:], atol=1e-3)


@pytest.mark.parametrize("kind", [RGCNEncoder, CompGCNEncoder])
def test_a_seed_is_all_that_the_start_depends_on(kind: type[RGCNEncoder]) -> None:
    one = kind(5, 2, out=3, seed=7)
    torch.manual_seed(99)
    other, third = kind(5, 2, out=3, seed=7), kind(5, 2, out=3, seed=8)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not torch.equal(one.embedding, third.embedding)


@pytest.mark.parametrize("kind", [RGCNEncoder, CompGCNEncoder])
def test_a_graph_without_edges_is_encoded(kind: type[RGCNEncoder]) -> None:
    found = kind(5, 2, out=3)(torch.zeros(0, 3, dtype=torch.long), ALL)
    assert found.shape == (5, 3) and bool(torch.isfinite(found).all())


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(NetworkError, match="no composition `cat`"):
        CompGCNEncoder(5, 2, out=3, composition="cat")
    with pytest.raises(NetworkError, match="at least one layer"):
        RGCNEncoder(5, 2, out=3, layers=0)
