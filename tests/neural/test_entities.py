"""Vectors of entities, and similarity predicates, alone and behind a neural predicate."""

from __future__ import annotations

import json
import math

import pytest
import torch

import neurosym as ns
from neurosym.errors import NetworkError
from neurosym.neural import MLP, DigitNet, EntityNet, Similarity, TableNet, from_config


def entities(**more: float) -> EntityNet:
    torch.manual_seed(0)
    return EntityNet(["ann", "bob", "eve"], 2, 4, **more)  # type: ignore[arg-type]


def test_entities_are_looked_up_by_name_and_others_are_unknown() -> None:
    net = entities().eval()
    table = net.table(["eve", "zoe", "ann", "yve"])
    vectors = net.vectors.weight
    assert torch.equal(net.embed(table.rows), vectors[[2, 3, 0, 3]])
    assert torch.equal(net(table.rows), net.head(vectors[[2, 3, 0, 3]]))
    assert torch.equal(net.embed(torch.tensor([[math.nan], [-1.0], [4.0], [99.0]])), vectors[[3, 3, 3, 3]])


def test_the_unknown_is_trained_beside_the_known() -> None:
    net = entities(unknown=0.5)
    rows = net.table(["ann"] * 1 + ["bob", "eve"]).rows.repeat(20, 1)
    net(rows).sum().backward()
    assert bool((net.vectors.weight.grad != 0).any(dim=1).all())  # type: ignore[union-attr]
    never = entities(unknown=0.0)
    never(rows).sum().backward()
    assert bool((never.vectors.weight.grad[3] == 0).all())  # type: ignore[index]


def test_names_that_cannot_be_told_apart() -> None:
    for names in (["ann", "ann"], []):
        with pytest.raises(NetworkError, match="no EntityNet can be made"):
            EntityNet(names)


# ------------------------------------------------------------------------------------------------------ similarities

A, B = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 2.0], [6.0, 8.0]])


def test_cosine_and_rbf_as_defined() -> None:
    cosine = Similarity(cutoff=0.25, slope=4.0)
    assert cosine.similarity(A, B).tolist() == pytest.approx([0.0, 1.0])
    assert cosine(A, B)[:, 0].tolist() == pytest.approx([-1.0, 3.0], abs=1e-5)
    rbf = Similarity(kind="rbf", radius=2.0, cutoff=0.0, slope=1.0)
    assert rbf.similarity(A, B).tolist() == pytest.approx([math.exp(-5 / 8), math.exp(-25 / 8)], abs=1e-6)
    assert rbf(A, A)[:, 0].tolist() == pytest.approx([1.0, 1.0], abs=1e-5)


@pytest.mark.parametrize("kind", ["cosine", "rbf"])
def test_gradients_of_similarities(kind: str) -> None:
    torch.manual_seed(0)
    net = Similarity(kind=kind).double()
    given = [torch.randn(3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(net, given)
    net(given[0], torch.zeros_like(given[1])).sum().backward()  # a vector of nothing has no direction
    assert all(bool(torch.isfinite(p.grad).all()) for p in net.parameters() if p.grad is not None)


def test_more_alike_is_never_less_probable() -> None:
    for kind in ("cosine", "rbf"):
        net = Similarity(kind=kind)
        for parameter in net.parameters():
            parameter.data.fill_(-3.0)
        near, far = torch.tensor([[1.0, 0.1]]), torch.tensor([[-1.0, 1.0]])
        assert float(net(A[:1], near).detach()) > float(net(A[:1], far).detach())


def test_encoders_of_each_argument_or_of_both() -> None:
    torch.manual_seed(0)
    image, row = DigitNet(8, 3), MLP([5, 64, 2])
    x, y = torch.rand(2, 1, 8, 8), torch.rand(2, 5)
    two = Similarity(image, row)
    expected = torch.cosine_similarity(image.embed(x), row.embed(y))
    assert torch.allclose(two.similarity(x, y), expected)
    assert torch.allclose(Similarity(image).similarity(x, x), torch.ones(2))
    with pytest.raises(NetworkError, match="embeddings of 64 and 32 numbers"):
        Similarity(image, TableNet([0]))
    with pytest.raises(NetworkError, match="Linear has no embeddings"):
        Similarity(torch.nn.Linear(2, 2))
    with pytest.raises(NetworkError, match="none for its first"):
        Similarity(None, image)
    with pytest.raises(NetworkError, match="`cosine` or `rbf`"):
        Similarity(kind="dot")
    with pytest.raises(NetworkError, match="cannot be compared"):
        Similarity()(torch.zeros(2, 3), torch.zeros(2, 4))


@pytest.mark.parametrize(
    "net", [Similarity(), Similarity(DigitNet(8), kind="rbf"), Similarity(MLP([1, 4, 2]), MLP([2, 4, 1]))]
)
def test_similarities_come_back_from_their_config(net: Similarity) -> None:
    again = from_config("Similarity", json.loads(json.dumps(net.config())))
    again.load_state_dict(net.state_dict())
    assert isinstance(again, Similarity) and again.config() == net.config() and repr(again) == repr(net)


def test_a_similarity_behind_a_predicate() -> None:
    """Who is like whom is learned from who goes with whom; the unknown are there, too."""
    program = ns.Program.from_text("""
        neural alike(x: symbol, y: symbol) by like .
        person(ann). person(bob). person(eve). person(zoe).
        pair(X, Y) :- person(X), person(Y), X \\= Y, alike(X, Y).
    """)
    net = entities(unknown=0.0)
    names = ["ann", "bob", "eve", "zoe"]
    model = ns.Reasoner(program, networks={"like": Similarity(net)}, features={"symbol": net.table(names)})
    labels = {f"pair({a}, {b})": {a, b} == {"ann", "bob"} for a in names for b in names if a != b}
    ns.fit(model, ns.Batch(("pair(X, Y)",), labels), epochs=150, lr=0.05, progress=False)
    found = model.query("pair(X, Y)").detach()
    assert all((found[atom] > 0.5) == label for atom, label in labels.items())
