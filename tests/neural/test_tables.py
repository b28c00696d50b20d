"""Tables with categories and missing values: what a row means, and what a network makes of it."""

from __future__ import annotations

import math

import pandas
import pytest
import torch
from torch import Tensor

from neurosym.errors import DataError, NetworkError
from neurosym.neural import FeatureTable, TableNet

NAN = math.nan
ROWS = torch.tensor([[1.0, 0.0, 10.0], [3.0, 1.0, 30.0], [NAN, 2.0, 20.0], [2.0, NAN, NAN]])


def network(**more: object) -> TableNet:
    torch.manual_seed(0)
    return TableNet([0, 3, 0], 2, (8,), dim=3, **more).fit(ROWS)  # type: ignore[arg-type]


def test_numbers_are_standardised_by_what_is_there() -> None:
    scale = network().scale
    assert scale.mean.tolist() == [2.0, 20.0]
    assert scale.std.tolist() == pytest.approx([math.sqrt(2 / 3), math.sqrt(200 / 3)])


def test_a_column_of_nothing_is_left_as_it_is() -> None:
    empty = TableNet([0], 1).fit(torch.full((3, 1), NAN))
    assert empty.scale.mean.tolist() == [0.0] and empty.scale.std.tolist() == [1.0]
    assert bool(torch.isfinite(empty(torch.full((2, 1), NAN))).all())


def test_units_do_not_matter() -> None:
    scaled = ROWS * torch.tensor([100.0, 1.0, 0.1]) + torch.tensor([7.0, 0.0, -3.0])
    other = network()
    other.load_state_dict(network().state_dict())
    other.fit(scaled)
    assert torch.allclose(network()(ROWS), other(scaled), atol=1e-5)


def test_a_missing_number_is_told_from_the_mean() -> None:
    net = network()
    mean, missing = torch.tensor([[2.0, 0.0, 20.0]]), torch.tensor([[NAN, 0.0, 20.0]])
    assert not torch.allclose(net(mean), net(missing), atol=1e-3)
    with torch.no_grad():
        before = net(missing)
        net.fill[0] = 0.7
        assert not torch.allclose(before, net(missing)) and torch.equal(net(mean), net(mean))


def test_gradients_are_finite_and_reach_what_stands_for_the_missing() -> None:
    net = network()
    net(ROWS).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and bool(torch.isfinite(parameter.grad).all()), name
    assert bool((net.fill.grad != 0).all())  # type: ignore[operator]
    assert bool((net.vectors[0].weight.grad != 0).any(dim=1).all())  # type: ignore[union-attr]


def coded(code: float) -> Tensor:
    return torch.tensor([[2.0, code, 20.0]])


@pytest.mark.parametrize("code", [3.0, 17.0, -1.0])
def test_an_unseen_category_is_the_mean_of_those_seen(code: float) -> None:
    net = network()
    unseen = net(coded(code))
    assert all(not torch.allclose(unseen, net(coded(c)), atol=1e-4) for c in (0.0, 1.0, 2.0, NAN))
    with torch.no_grad():
        net.vectors[0].weight[:3] = net.vectors[0].weight[:3].mean(0)  # type: ignore[index]
    assert torch.allclose(net(coded(0.0)), unseen, atol=1e-6)


def test_columns_of_one_kind_only() -> None:
    assert TableNet([2, 4], 1)(torch.tensor([[0.0, 3.0], [NAN, 9.0]])).shape == (2, 1)
    assert TableNet([0], 3, hidden=(4, 5)).embed(torch.zeros(2, 1)).shape == (2, 5)


def test_it_learns_from_a_category_and_from_what_is_missing() -> None:
    """The label is whether the first column is missing, or the second is its category 1."""
    random = torch.Generator().manual_seed(0)
    rows = torch.stack([torch.randn(200, generator=random), torch.randint(0, 3, (200,), generator=random).float()], 1)
    rows[torch.rand(200, generator=random) < 0.3, 0] = NAN
    label = rows[:, 0].isnan() | (rows[:, 1] == 1)
    torch.manual_seed(0)
    net = TableNet([0, 3], 1, (16,)).fit(rows)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(net(rows)[:, 0], label.float()).backward()
        optimizer.step()
    assert bool(((net(rows)[:, 0] > 0) == label).all())


def test_what_cannot_be_made_or_taken_is_refused() -> None:
    for sizes, more in (([], {}), ([-1], {}), ([0], {"hidden": ()}), ([0], {"dim": 0})):
        with pytest.raises(NetworkError, match="no TableNet can be made"):
            TableNet(sizes, 1, **more)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NetworkError, match=r"\(n, 3\), not \(2, 2\)"):
        network()(torch.zeros(2, 2))


# ------------------------------------------------------------------------------------------------------------ tables

FRAME = pandas.DataFrame(
    {"id": ["p1", "p2", "p3"], "age": [40.0, None, 52.0], "smokes": ["never", "daily", None], "ward": [3, 7, 3]}
)


def test_categories_of_a_frame() -> None:
    table = FeatureTable.from_pandas(FRAME, ids="id", allow_nan=True, categories=["smokes", "ward"])
    assert table.categories == {"smokes": ("daily", "never"), "ward": ("3", "7")}
    wanted = torch.tensor([[40.0, 1.0, 0.0], [NAN, 0.0, 1.0], [52.0, NAN, 0.0]])
    assert torch.equal(table.rows.nan_to_num(-1), wanted.nan_to_num(-1))
    assert [table.told("p3", k) for k in range(3)] == ["52", "missing", "3"]
    chosen = table.select(["p2"])
    assert chosen.categories == table.categories and chosen.told("p2", 0) == "missing"
    net = TableNet.of_table(table, 2)
    assert net.sizes == (0, 2, 2) and net.scale.mean.tolist() == [46.0] and bool(torch.isfinite(net(table.rows)).all())


def test_new_rows_keep_the_codes_of_the_training() -> None:
    known = FeatureTable.from_pandas(FRAME, ids="id", allow_nan=True, categories=["smokes", "ward"]).categories
    new = pandas.DataFrame({"id": ["q"], "age": [1.0], "smokes": ["weekly"], "ward": [7]})
    table = FeatureTable.from_pandas(new, ids="id", categories=known)
    assert table.rows.tolist() == [[1.0, 2.0, 1.0]] and table.told("q", 1) == "a category not seen in training"


def test_categories_of_no_column() -> None:
    with pytest.raises(DataError, match="no column `colour`"):
        FeatureTable.from_pandas(FRAME, ids="id", categories=["colour"])
    with pytest.raises(DataError, match="no column `colour`"):
        FeatureTable(["a"], torch.zeros(1, 1), ["x"], categories={"colour": ["red"]})
    with pytest.raises(DataError, match="`smokes` of the data frame is not numeric") as caught:
        FeatureTable.from_pandas(FRAME, ids="id")
    assert 'categories=["smokes"]' in str(caught.value)


def test_entities_of_which_nothing_is_known() -> None:
    table = FeatureTable(["a", "b"], torch.ones(2, 1, 2, 2)).with_missing(["b", "c", "c"])
    assert table.ids == ("a", "b", "c") and table.rows[:2].isfinite().all() and table.rows[2].isnan().all()


def test_texts_of_a_table() -> None:
    table = FeatureTable(["a", "b"], torch.tensor([[1, 2], [3, 0]]), texts=["so it is", "no"])
    assert not table.rows.is_floating_point() and table.select(["b"]).texts == ("no",)
    with pytest.raises(DataError, match="2 ids has 1 texts"):
        FeatureTable(["a", "b"], torch.zeros(2, 2), texts=["so it is"])
    with pytest.raises(DataError, match="empty text"):
        table.with_missing(["c"])
