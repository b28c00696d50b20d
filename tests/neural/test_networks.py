"""Networks: shapes, monotone thresholds in the units of their columns, configs that give the same network back."""

import json

import pytest
import torch
from torch import nn

from neurosym.errors import ModelError, NetworkError
from neurosym.neural import (
    MLP,
    DigitNet,
    EntityNet,
    Fusion,
    MobileNet,
    MonotoneThreshold,
    OnColumns,
    SoftThreshold,
    Standardize,
    TableNet,
    from_config,
)

NETWORKS = [
    (SoftThreshold("below", 1.0, 3.0), (5, 1), 1),
    (MonotoneThreshold(3, "above", 0.5, 2.0), (5, 3), 1),
    (MLP([4, 8, 2], dropout=0.1), (5, 4), 2),
    (DigitNet(8), (5, 1, 8, 8), 10),
    (DigitNet(28, 7), (5, 1, 28, 28), 7),
    (OnColumns(MonotoneThreshold(2), [3, 1], ["area", "radius"]), (5, 6), 1),
    (OnColumns(MLP([2, 3, 4]), [0, 1]), (5, 2), 4),
    (DigitNet((9, 30), 7, 3), (5, 3, 9, 30), 7),
    (MobileNet(3, 3, blocks=[(3, 8, 4, True, True, 1)], hidden=6), (5, 3, 12, 12), 3),
    (TableNet([0, 3, 0], 2), (5, 3), 2),
    (EntityNet(["a", "b"], 3), (5, 1), 3),
    (Fusion([MLP([3, 4, 2])], 2), (5, 3), 2),
    (OnColumns(TableNet([0, 2], 2), [0, 1]), (5, 2), 2),
]


@pytest.mark.parametrize(("network", "shape", "values"), NETWORKS)
def test_shapes_and_config_round_trip(network: nn.Module, shape: tuple[int, ...], values: int) -> None:
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    if isinstance(network, OnColumns):
        network.fit(inputs * 3 + 1)
    network.eval()
    config = json.loads(json.dumps(network.config()))  # pyright: ignore[reportCallIssue]
    again = from_config(type(network).__name__, config).eval()
    again.load_state_dict(network.state_dict())
    assert network(inputs).shape == (shape[0], values)
    assert torch.equal(network(inputs), again(inputs))


@pytest.mark.parametrize(("network", "shape", "values"), NETWORKS)
def test_embeddings_are_as_wide_as_is_said(network: nn.Module, shape: tuple[int, ...], values: int) -> None:
    if not hasattr(network, "embed") or isinstance(
        getattr(network, "network", None), SoftThreshold | MonotoneThreshold
    ):
        return
    embedded = network.eval().embed(torch.rand(shape))  # pyright: ignore[reportCallIssue]
    assert embedded.shape == (shape[0], network.width)


@pytest.mark.parametrize(("network", "shape", "values"), NETWORKS)
def test_wrong_shapes_are_refused(network: nn.Module, shape: tuple[int, ...], values: int) -> None:
    with pytest.raises(NetworkError):
        network(torch.zeros(5))


@pytest.mark.parametrize("direction", ["above", "below"])
def test_thresholds_are_monotone_after_any_training(direction: str) -> None:
    generator = torch.Generator().manual_seed(1)
    for network in (SoftThreshold(direction), MonotoneThreshold(3, direction)):
        for parameter in network.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 3)
        width = 1 if isinstance(network, SoftThreshold) else 3
        rows = torch.randn(50, width, generator=generator)
        step = network(rows + torch.rand(50, width, generator=generator)) - network(rows)
        assert (step > 0).all() if direction == "above" else (step < 0).all()


def test_cutoffs_are_told_in_the_columns_units() -> None:
    rows = torch.tensor([[0.0, 400.0], [0.0, 800.0], [0.0, 1200.0]])
    network = OnColumns(SoftThreshold("above", 0.5, 2.0), [1], ["worst area"]).fit(rows)
    (threshold,) = network.describe()
    assert str(threshold).startswith("worst area above 963.3")
    at_cutoff = torch.tensor([[7.0, threshold.cutoff], [7.0, threshold.cutoff + 1]])
    logits = network(at_cutoff).squeeze(1).detach()
    assert abs(float(logits[0])) < 1e-4
    assert float(logits[1] - logits[0]) == pytest.approx(threshold.slope, abs=1e-4)


def test_several_cutoffs_hold_together() -> None:
    rows = torch.randn(40, 3, generator=torch.Generator().manual_seed(2)) * 5 + 20
    inner = MonotoneThreshold(3, "below", 0.4)
    network = OnColumns(inner, [0, 1, 2]).fit(rows)
    with torch.no_grad():
        inner.moved_weight.copy_(torch.tensor([1.0, -1.0, 0.5]))
    thresholds = network.describe()
    at_cutoff = torch.tensor([[t.cutoff for t in thresholds]])
    assert abs(network(at_cutoff).item()) < 1e-4
    at_cutoff[0, 1] += 1
    assert -network(at_cutoff).item() == pytest.approx(thresholds[1].slope, abs=1e-4)


def test_a_fresh_threshold_is_where_the_expert_put_it() -> None:
    network = MonotoneThreshold(2, cutoff=0.5, slope=3.0)
    assert network(torch.tensor([[0.5, 0.5], [1.5, 1.5]])).squeeze(1).tolist() == pytest.approx([0.0, 3.0], abs=1e-5)


def test_a_constant_column_is_only_shifted() -> None:
    assert Standardize(1).fit(torch.full((4, 1), 3.0))(torch.tensor([[5.0]])).tolist() == [[2.0]]


class Own(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def config(self) -> dict[str, object]:
        return {"width": self.width}


def test_user_classes_are_passed_by_hand() -> None:
    with pytest.raises(ModelError, match="Own"):
        from_config("Own", {"width": 2})
    inside = OnColumns(Own(2), [0]).config()
    built = from_config("OnColumns", inside, {"Own": Own})
    assert isinstance(built, OnColumns) and isinstance(built.network, Own)
    with pytest.raises(ModelError, match="config"):
        from_config("Own", {"height": 2}, {"Own": Own})
