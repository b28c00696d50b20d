"""Several modalities for one predicate, and what happens where some, or all, are missing."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.errors import NetworkError
from neurosym.neural import MLP, DigitNet, Fusion, TableNet, from_config

NAN = math.nan


def fusion(prior: list[float] | None = None, classes: int = 3) -> Fusion:
    torch.manual_seed(0)
    return Fusion([DigitNet(8, classes), MLP([2, 4, classes])], classes, ["image", "labs"], prior)


def given() -> tuple[Tensor, Tensor]:
    """Both, the image only, the rows only."""
    random = torch.Generator().manual_seed(1)
    images, rows = torch.rand(3, 1, 8, 8, generator=random), torch.randn(3, 2, generator=random)
    images[2], rows[1] = NAN, NAN
    return images, rows


def test_logits_of_what_is_there_are_added() -> None:
    net, (images, rows) = fusion(), given()
    with torch.no_grad():
        net.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
        net.moved.copy_(torch.tensor([1.0, -1.0]))
    first, second = net.encoders
    w = net.weights
    expected = torch.cat([
        net.bias + w[0] * first(images[:1]) + w[1] * second(rows[:1]),
        net.bias + w[0] * first(images[1:2]),
        net.bias + w[1] * second(rows[2:]),
    ])  # fmt: skip
    assert torch.allclose(net(images, rows), expected, atol=1e-6)
    assert fusion().weights.tolist() == pytest.approx([1.0, 1.0])


def test_gradients_are_finite_where_something_is_missing() -> None:
    net = fusion()
    net(*given()).square().sum().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in net.parameters())


def test_nothing_there_is_an_error_or_the_prior() -> None:
    images, rows = given()
    images[1] = NAN
    with pytest.raises(NetworkError, match="input 1 of 3 has none of image, labs") as caught:
        fusion()(images, rows)
    assert caught.value.code == "NS633" and "prior" in str(caught.value)
    net = fusion([0.5, 0.3, 0.2])
    with torch.no_grad():
        net.bias.add_(torch.tensor([3.0, 0.0, 0.0]))  # however it is trained, the prior was declared
    assert torch.softmax(net(images, rows), 1)[1].tolist() == pytest.approx([0.5, 0.3, 0.2])
    one = Fusion([MLP([2, 1])], 1, prior=[0.25])
    assert torch.sigmoid(one(torch.full((1, 2), NAN))).item() == pytest.approx(0.25)


def test_a_table_of_its_own_missing_values_is_missing_only_if_all_are() -> None:
    net = Fusion([TableNet([0, 0], 1), MLP([1, 1])], 1)
    there = net.there(torch.tensor([[NAN, 1.0], [NAN, NAN]]), torch.tensor([[NAN], [2.0]]))
    assert there.tolist() == [[True, False], [False, True]]


def test_embeddings_stand_side_by_side() -> None:
    net, (images, rows) = fusion(), given()
    found = net.embed(images, rows)
    assert found.shape == (3, net.width) and net.width == 64 + 4 + 2
    assert found[:, -2:].tolist() == [[1, 1], [1, 0], [0, 1]]
    assert torch.equal(found[2, :64], torch.zeros(64)) and torch.equal(found[1, 64:68], torch.zeros(4))
    assert torch.allclose(found[0, :64], net.encoders[0].embed(images[:1])[0], atol=1e-6)  # pyright: ignore


def test_config_and_faults() -> None:
    net = fusion([0.5, 0.3, 0.2])
    again = from_config("Fusion", json.loads(json.dumps(net.config())))
    again.load_state_dict(net.state_dict())
    assert torch.equal(net(*given()), again(*given()))
    for prior in ([0.5, 0.5], [0.5, 0.5, 0.0], [0.5, 0.5, 0.5]):
        with pytest.raises(NetworkError, match="no prior of 3"):
            fusion(prior)
    with pytest.raises(NetworkError, match="takes 2 arguments, not 1"):
        net(given()[0])
    with pytest.raises(NetworkError, match="no fusion can be made"):
        Fusion([], 1)
    with pytest.raises(NetworkError, match=r"of labs gave \(2, 2\), not \(2, 3\)"):
        Fusion([DigitNet(8, 3), MLP([2, 4, 2])], 3, ["image", "labs"])(*given())


def test_one_entity_with_two_tables() -> None:
    """The arguments' names choose the tables, so that one patient has an image and a row."""
    program = ns.Program.from_text("""
        neural grade(image: symbol, labs: symbol, g: 0..2) by fused .
        patient(p1). patient(p2). patient(p3).
        graded(P, G) :- patient(P), grade(P, P, G).
    """)
    images, rows = given()
    ids = ["p1", "p2", "p3"]
    tables = {
        "image": ns.FeatureTable(ids[:2], images[:2]).with_missing(ids),
        "labs": ns.FeatureTable(["p1", "p3"], rows[[0, 2]], ["a", "b"]).with_missing(ids),
    }
    net = fusion()
    model = ns.Reasoner(program, networks={"fused": net}, features=tables)
    said = torch.softmax(net(images, rows).double(), 1)
    found = model.query("graded(P, G)")
    for k, name in enumerate(ids):
        for g in range(3):
            assert torch.allclose(found[f"graded({name}, {g})"], said[k, g], atol=1e-6)
    tables["labs"] = tables["labs"].select(["p1"]).with_missing(ids)
    tables["image"] = tables["image"].select(["p1", "p2"]).with_missing(ids)
    with pytest.raises(NetworkError, match=r"`fused`, asked about grade/3 .*none of image, labs") as caught:
        ns.Reasoner(program, networks={"fused": net}, features=tables).query("graded(P, G)")
    assert caught.value.code == "NS633"
