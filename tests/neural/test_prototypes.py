"""A head of prototypes, and a class that is added to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import neurosym as ns
from neurosym.errors import NetworkError
from neurosym.neural import MLP, Prototypes, from_config

CENTRES = torch.tensor([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]])


def points(digit: int, count: int, seed: int = 0) -> torch.Tensor:
    return CENTRES[digit] + 0.3 * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))


class Same(torch.nn.Module):
    """Its embedding is the point itself."""

    width = 2

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        return x


def two_classes(network: torch.nn.Module | None = None) -> Prototypes:
    made = Prototypes(network or Same(), 2)
    made.prototypes.data = CENTRES[:2].clone()
    return made


def test_a_class_is_added_and_the_others_stay() -> None:
    network = two_classes()
    before = network(points(0, 20, 1)).detach()
    others = torch.cat([points(0, 50), points(1, 50)])
    grown = network.with_class(points(2, 5), others=[others])
    assert (network.classes, grown.classes) == (2, 3) and network(points(0, 1)).shape == (1, 2)
    assert torch.allclose(grown(points(0, 20, 1))[:, :2], before, atol=1e-5)
    for digit in range(3):
        assert (grown(points(digit, 40, 2)).argmax(1) == digit).all()


def test_no_more_of_the_others_are_taken_than_is_said() -> None:
    network = two_classes()
    others = torch.cat([points(0, 200), points(1, 200)])
    near = points(0, 5, 3)  # a class that cannot be told apart from the first
    for taken in (0.0, 0.1, 0.5):
        grown = network.with_class(near, others=[others], taken=taken)
        assert (grown(others).argmax(1) == 2).float().mean() <= taken + 1e-6
    free, bound = network.with_class(near), network.with_class(near, others=[others], taken=0.0)
    assert (free(others).argmax(1) == 2).float().mean() > (bound(others).argmax(1) == 2).float().mean()


def test_errors() -> None:
    network = two_classes()
    for examples in ([], [points(2, 0)]):
        with pytest.raises(NetworkError, match="no class can be made of 0 examples"):
            network.with_class(*examples)
    with pytest.raises(NetworkError, match=r"1\.5 of others"):
        network.with_class(points(2, 1), taken=1.5)
    with pytest.raises(NetworkError, match="0 classes"):
        Prototypes(MLP([2, 2]), 0)
    with pytest.raises(NetworkError, match="has no embeddings"):
        Prototypes(torch.nn.Linear(2, 2), 2)


def test_what_is_saved_is_the_same_again(tmp_path: Path) -> None:
    grown = two_classes(MLP([2, 2])).with_class(points(2, 5), others=[points(0, 50)])
    again = from_config("Prototypes", grown.config())
    again.load_state_dict(grown.state_dict())
    assert torch.equal(again(points(2, 3)), grown(points(2, 3)))
    program = ns.Program.from_text("neural kind(x: Tensor, k: 0..2) by net .", "k.rules")
    ns.Reasoner(program, networks={"net": grown}).save(tmp_path / "model")
    loaded = ns.Reasoner.load(tmp_path / "model")
    assert loaded.query("kind(a, K)", inputs={"a": points(2, 4)}).best() == grown(points(2, 4)).argmax(1).tolist()
