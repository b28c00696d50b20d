"""What is wrong with a network, or with what it is given, is said by the names of the network and its predicate."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.errors import DataError, NeurosymError
from neurosym.neural import DigitNet

DIGITS = "neural digit(x: Tensor, d: 0..2) by net .\ntotal(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B."
TRUE = "neural on(x: Tensor) by net .\nlit(X) :- on(X)."


def rows(n: int, width: int = 2) -> Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0))


def refused(network: nn.Module, a: Any, text: str = DIGITS, query: str = "total(a, a, Z)") -> NeurosymError:
    """The error of a query; it names the network, the predicate, the place of its declaration, and says what to do."""
    torch.manual_seed(0)
    model = ns.Reasoner(ns.Program.from_text(text), networks={"net": network})
    with pytest.raises(NeurosymError) as caught:
        model.query(query, inputs={"a": a})
    said = str(caught.value)
    assert "`net`" in said and text[7:].partition("(")[0] + "/" in said and ":1:1" in said and "help: " in said
    return caught.value


class Told(nn.Module):
    """Gives what it is told."""

    def __init__(self, values: list[list[float]], gives: str = "logits") -> None:
        super().__init__()
        self.values, self.gives = torch.tensor(values), gives

    def forward(self, x: Tensor) -> Tensor:
        return self.values[: len(x)]


@pytest.mark.parametrize(("given", "said"), [(rows(4, 5), r"x (4, 5)"), (torch.zeros(4, 2).long(), "dtype")])
def test_an_input_that_the_network_cannot_take(given: Tensor, said: str) -> None:
    error = refused(nn.Linear(2, 3), given)
    assert error.code == "NS608" and said in str(error) and isinstance(error.__cause__, RuntimeError)


def test_a_network_of_the_library_does_not_know_its_place_but_the_error_does() -> None:
    error = refused(DigitNet(8, 3), torch.zeros(4, 3, 8, 8))
    assert error.code == "NS608" and "(n, 1, 8, 8), not (4, 3, 8, 8)" in str(error)


def test_too_many_arguments() -> None:
    text = "neural alike(x: Tensor, y: Tensor) by net .\nsame(X, Y) :- alike(X, Y)."
    error = refused(nn.Linear(2, 1), rows(4), text, "same(a, a)")
    assert error.code == "NS608" and "positional arguments" in str(error)


@pytest.mark.parametrize(("network", "classes"), [(nn.Linear(2, 4), 4), (nn.Linear(2, 1), 1)])
def test_another_number_of_classes(network: nn.Module, classes: int) -> None:
    error = refused(network, rows(4))
    assert error.code == "NS634" and f"gives {classes} classes" in str(error) and "3 values: 0, 1, 2" in str(error)


def test_two_classes_for_what_is_true_or_false() -> None:
    error = refused(nn.Linear(2, 2), rows(4), TRUE, "lit(a)")
    assert error.code == "NS634" and "on/1 is true or false: 1 logit" in str(error)


def test_no_tensor() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x

    assert refused(Pair(), rows(4)).code == "NS602"


@pytest.mark.parametrize("at", [None, 1])
def test_a_nan_says_whether_it_was_given(at: int | None) -> None:
    given = rows(3)
    if at is not None:
        given[at] = math.nan
    network = nn.Linear(2, 3) if at is not None else Told([[0, 1, 2], [0, math.nan, 1], [0, 0, 0]])
    error = refused(network, given)
    assert error.code == "NS603" and "input 1 of 3" in str(error)
    assert ("holds a NaN or an infinity itself" in str(error)) == (at is not None)


# --------------------------------------------------------------------------------------- probabilities and logits


@pytest.mark.parametrize("grad", [True, False])
def test_a_softmax_at_the_end(grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        error = refused(nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=1)), rows(4))
    assert error.code == "NS635" and ("last step" in str(error)) == grad


@pytest.mark.parametrize("grad", [True, False])
def test_a_sigmoid_at_the_end(grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        error = refused(nn.Sequential(nn.Linear(2, 1), nn.Sigmoid()), rows(4), TRUE, "lit(a)")
    assert error.code == "NS635" and ("last step" if grad else "last module is Sigmoid") in str(error)


def test_a_sigmoid_that_is_reshaped() -> None:
    class Flat(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(input)).squeeze(1)

    assert refused(Flat(2, 1), rows(4), TRUE, "lit(a)").code == "NS635"


@pytest.mark.parametrize(
    "values",
    [
        [[0.2, 0.3, 0.4]] * 4,
        [[0.2, 0.3, 0.5]] * 4,
        [[0.2, 0.3, 0.5], [0.3, 0.3, 0.4 + 1e-5]] * 2,
        [[0.2, 0.3, 0.5]] * 3 + [[1.0, 2.0, -2.0]],
        [[-0.5, 0.5, 1.0]] * 4,
        [[0.0, 0.0, 0.0]] * 4,
    ],
)
def test_logits_that_look_almost_like_probabilities(values: list[list[float]]) -> None:
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": Told(values)})
    found = model.query("digit(a, D)", inputs={"a": rows(4)}).tags
    assert torch.allclose(found, torch.softmax(torch.tensor(values).double(), dim=1))


def test_a_single_row_may_look_so_by_chance() -> None:
    """A network that is trained on batches of one gives such logits sooner or later."""
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": Told([[0.25, 0.25, 0.5]])})
    assert model.query("digit(a, D)", inputs={"a": rows(1)}).tags.sum().item() == pytest.approx(1.0)
    assert refused(Told([[0.25, 0.25, 0.5], [1.0, 0.0, 0.0]]), rows(2)).code == "NS635"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_probabilities_of_any_precision(dtype: torch.dtype) -> None:
    class Rounded(nn.Module):
        gives = "logits"

        def forward(self, x: Tensor) -> Tensor:
            return torch.softmax(x @ torch.ones(2, 3) * torch.arange(3.0), 1).to(dtype).detach()

    assert refused(Rounded(), rows(40)).code == "NS635"
    Rounded.gives = "probabilities"
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": Rounded()})
    found = model.query("digit(a, D)", inputs={"a": rows(40)}).tags
    assert torch.allclose(found.sum(1), found.new_ones(40), atol=1e-12)


def test_a_log_softmax_and_a_sigmoid_within_are_logits() -> None:
    for network in (nn.Sequential(nn.Linear(2, 3), nn.LogSoftmax(1)), nn.Sequential(nn.Sigmoid(), nn.Linear(2, 3))):
        model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": network})
        found = model.query("digit(a, D)", inputs={"a": rows(4)}).tags
        assert torch.allclose(found, torch.softmax(network(rows(4)), 1).double(), atol=1e-6)


def test_declared_probabilities_are_taken_as_they_are() -> None:
    network = Told([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], "probabilities")
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": network})
    found = model.query("digit(a, D)", inputs={"a": rows(2)}).tags
    assert torch.allclose(found, network.values.double(), atol=1e-7) and torch.allclose(
        found.sum(1).double(), found.new_ones(2)
    )
    model = ns.Reasoner(ns.Program.from_text(TRUE), networks={"net": Told([[0.2], [1.0]], "probabilities")})
    assert torch.allclose(model.query("lit(a)", inputs={"a": rows(2)}).tags, torch.tensor([[0.2], [1.0]]).double())


@pytest.mark.parametrize("row", [[0.2, 0.3, 0.6], [-0.1, 0.6, 0.5], [3.0, -1.0, 2.0]])
def test_logits_where_probabilities_are_declared(row: list[float]) -> None:
    error = refused(Told([[0.2, 0.3, 0.5], row], "probabilities"), rows(2))
    assert error.code == "NS636" and "input 1: " in str(error)


def test_a_logit_where_a_probability_is_declared() -> None:
    assert refused(Told([[0.5], [1.5]], "probabilities"), rows(2), TRUE, "lit(a)").code == "NS636"


# ------------------------------------------------------------------------------------------------------------ inputs


@pytest.mark.parametrize("query", ["total(a, a, Z)", "digit(a, D)"])
def test_an_empty_batch(query: str) -> None:
    error = refused(nn.Linear(2, 3), rows(0), query=query)
    assert error.code == "NS637" and isinstance(error, DataError) and "`a`" in str(error) and "(0, 2)" in str(error)


def test_an_empty_batch_of_many_samples() -> None:
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": nn.Linear(2, 3)})
    samples = ns.Samples.of([[], []], model.program)
    with pytest.raises(DataError) as caught:
        model.query_samples("digit(a, D)", samples=ns.Samples.of([], model.program), inputs={"a": rows(0)})
    assert caught.value.code == "NS637"
    # none of them, on purpose: their graphs are made, and no network is asked
    asked = model.query_samples("digit(a, D)", samples=samples, inputs={"a": rows(0)}, only=[])
    assert len(asked.graphs.shape) == 2 and len(asked) == 0


def test_inputs_of_different_shapes() -> None:
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": nn.Linear(2, 3)})
    with pytest.raises(DataError, match=r"digit/2 asks the network `net` differ") as caught:
        model.query("total(a, b, Z)", inputs={"a": rows(2), "b": rows(2, 3)})
    assert "a: (2, 2), b: (2, 3)" in str(caught.value)


@pytest.mark.parametrize("given", [[[0.0, 1.0]], torch.tensor(1.0)])
def test_an_input_that_is_no_tensor_of_samples(given: Any) -> None:
    model = ns.Reasoner(ns.Program.from_text(DIGITS), networks={"net": nn.Linear(2, 3)})
    with pytest.raises(DataError, match="the input `a` is a") as caught:
        model.query("digit(a, D)", inputs={"a": given})
    assert caught.value.code == "NS610"
