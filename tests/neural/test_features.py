"""Feature tables: rows by entity, and the faults that they refuse."""

import pandas
import pytest
import torch

from neurosym.errors import DataError
from neurosym.neural import FeatureTable


def table() -> FeatureTable:
    return FeatureTable(["onc:a", "onc:b", "onc:c"], torch.arange(6.0).reshape(3, 2), ["area", "texture"])


def test_rows_by_entity() -> None:
    t = table()
    assert len(t) == 3 and "onc:b" in t and "onc:z" not in t
    assert t.row("onc:b").tolist() == [2.0, 3.0]
    assert t.columns_index(["texture", "area"]) == (1, 0)
    chosen = t.select(["onc:c", "onc:a"])
    assert chosen.ids == ("onc:c", "onc:a") and chosen.rows.tolist() == [[4.0, 5.0], [0.0, 1.0]]


def test_images_need_no_columns() -> None:
    assert FeatureTable(["a"], torch.zeros(1, 1, 8, 8)).row("a").shape == (1, 8, 8)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_named(value: float) -> None:
    rows = torch.zeros(2, 2)
    rows[1, 0] = value
    with pytest.raises(DataError, match=r"onc:b.*area"):
        FeatureTable(["onc:a", "onc:b"], rows, ["area", "texture"])


def test_nan_may_be_allowed() -> None:
    assert FeatureTable(["a"], torch.tensor([[float("nan")]]), ["x"], allow_nan=True).rows.isnan().all()


@pytest.mark.parametrize(
    ("ids", "columns", "match"),
    [(["a", "a"], ["x"], "`a` occurs twice"), (["a"], ["x"], "1 ids"), (["a", "b"], ["x", "y"], "column names")],
)
def test_shapes_and_names_must_fit(ids: list[str], columns: list[str], match: str) -> None:
    with pytest.raises(DataError, match=match):
        FeatureTable(ids, torch.zeros(2, 1), columns)


def test_unknown_names_are_named() -> None:
    with pytest.raises(DataError, match="onc:z"):
        table().row("onc:z")
    with pytest.raises(DataError, match="smoothness"):
        table().columns_index(["smoothness"])


def test_from_pandas() -> None:
    frame = pandas.DataFrame({"id": ["1", "2"], "area": [1, 2], "texture": [0.5, 1.5]})
    t = FeatureTable.from_pandas(frame, ids="id", prefix="onc:p-")
    assert t.ids == ("onc:p-1", "onc:p-2") and t.columns == ("area", "texture")
    assert t.row("onc:p-2").tolist() == [2.0, 1.5]
    with pytest.raises(DataError, match="not numeric"):
        FeatureTable.from_pandas(frame)
    with pytest.raises(DataError, match="row"):
        FeatureTable.from_pandas(pandas.DataFrame({"a": [1.0, None]}))
