"""One call of `fit` for samples of different structure, each with facts of its own."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

import neurosym as ns
from neurosym.errors import DataError, NetworkError
from neurosym.learning import Batch, Sample, batches, batches_of
from neurosym.neural import MLP

# formulas of any length, from left to right: the value of what stands up to a place
FORMULA = """
    neural symbol(x: Tensor, s: 0..2) by net .
    pred first(x: symbol) .
    pred next(x: symbol, op: symbol, y: symbol) .
    pred last(x: symbol) .

    upto(X, V) :- first(X), symbol(X, V).
    upto(Y, V) :- upto(X, A), next(X, plus, Y), symbol(Y, B), V is A + B.
    upto(Y, V) :- upto(X, A), next(X, times, Y), symbol(Y, B), V is A * B.
    value(V) :- last(X), upto(X, V).
"""


def point(value: int, noise: random.Random) -> Tensor:
    """What shows 0, 1 or 2: a point near one of three corners."""
    corner = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])[value]
    return corner + torch.tensor([noise.gauss(0, 0.2), noise.gauss(0, 0.2)])


def formula(values: list[int], operators: list[str], noise: random.Random) -> Sample:
    names = [ns.Symbol(f"s{k}") for k in range(len(values))]
    total = values[0]
    for operator, value in zip(operators, values[1:], strict=True):
        total = total + value if operator == "plus" else total * value
    facts: list[Any] = [("first", (names[0],)), ("last", (names[-1],))]
    facts += [("next", (a, ns.Symbol(o), b)) for (a, b), o in zip(pairwise(names), operators, strict=True)]
    inputs = {n.name: point(v, noise) for n, v in zip(names, values, strict=True)}
    return Sample(facts, total, inputs)


def formulas(n: int, seed: int = 0, longest: int = 3) -> list[Sample]:
    chance = random.Random(seed)
    made = []
    for k in range(n):
        length = 1 + k % longest
        values = [chance.randrange(3) for _ in range(length)]
        made.append(formula(values, [chance.choice(["plus", "times"]) for _ in values[1:]], chance))
    return made


def reasoner(seed: int = 0) -> ns.Reasoner:
    torch.manual_seed(seed)
    return ns.Reasoner(ns.Program.from_text(FORMULA), networks={"net": MLP([2, 8, 3])})


def numbers(model: ns.Reasoner) -> list[bytes]:
    return [t.numpy().tobytes() for t in model.state_dict().values()]


def test_formulas_of_different_lengths_are_learned_in_one_call() -> None:
    model = reasoner()
    train, valid = batches_of("value(V)", formulas(90), 16), batches_of("value(V)", formulas(30, 7), 30)
    result = ns.fit(model, train, valid, epochs=12, lr=0.05, progress=False)
    assert result.epochs[-1].loss < 0.2 < result.epochs[0].loss
    (batch,) = valid
    answers = batch.ask(model)
    assert isinstance(answers, ns.SampleAnswers)
    # lengths 1, 2 and 3, with one or another operator at each place; values of the operands are no structure
    assert len(answers.parts) == 1 + 2 + 4
    assert sum(a == t for a, t in zip(answers.best(), batch.targets, strict=True)) >= 28  # pyright: ignore


def test_a_batch_of_mixed_shapes_has_the_loss_of_its_samples_one_by_one() -> None:
    model = reasoner()
    made = formulas(12)
    (together,) = batches_of("value(V)", made, 12)
    loss = together.ask(model).nll(together.targets, "none")  # pyright: ignore[reportArgumentType]
    for k, sample in enumerate(made):
        other = model.over(ns.FactBase.from_facts(sample.facts))
        alone = other.query("value(V)", inputs={n: t[None] for n, t in sample.inputs.items()})
        assert float(loss[k].detach()) == pytest.approx(float(alone.nll([sample.target]).detach()), rel=1e-6)  # pyright: ignore


def test_the_samples_are_grounded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosym.reasoner import sample_query

    calls = []
    real = sample_query.ground_samples
    monkeypatch.setattr(sample_query, "ground_samples", lambda *a, **k: calls.append(1) or real(*a, **k))
    ns.fit(reasoner(), batches_of("value(V)", formulas(30), 4), epochs=3, progress=False)
    assert len(calls) == 1


def test_same_shape_learns_the_same_task() -> None:
    model = reasoner()
    train = batches_of("value(V)", formulas(90), 16)
    result = ns.fit(model, train, epochs=12, lr=0.05, same_shape=True, progress=False)
    assert result.epochs[-1].loss < 0.25


def test_samples_without_a_label_are_left_out_of_the_loss() -> None:
    model = reasoner()
    made = formulas(6)
    (batch,) = batches_of("value(V)", [Sample(s.facts, None, s.inputs) if k % 2 else s for k, s in enumerate(made)])
    (whole,) = batches_of("value(V)", made)
    each = whole.ask(model).nll(whole.targets, "none").detach()  # pyright: ignore[reportArgumentType]
    some = batch.ask(model).nll(batch.targets, "none").detach()  # pyright: ignore[reportArgumentType]
    assert some.tolist() == pytest.approx(each[::2].tolist())
    assert batch.labels == 3 and batch.labelled
    (none,) = batches_of("value(V)", [Sample(s.facts, None, s.inputs) for s in made])
    assert not none.labelled
    with pytest.raises(DataError, match="no answer is labelled") as caught:
        ns.fit(model, none, progress=False)
    assert caught.value.code == "NS626"


def test_values_without_a_label_in_ordinary_batches() -> None:
    program = ns.Program.from_text("neural d(x: Tensor, v: 0..2) by net . p(X, V) :- d(X, V).")
    torch.manual_seed(0)
    model = ns.Reasoner(program, networks={"net": MLP([2, 3])})
    rows = torch.randn(3, 2)
    answers = model.query("p(a, V)", inputs={"a": rows})
    some = answers.nll([2, None, 0], "none").detach()
    assert some.tolist() == pytest.approx(answers.nll([2, 1, 0], "none").detach()[[0, 2]].tolist())
    with pytest.raises(DataError, match="no answer is labelled"):
        answers.nll([None, None, None])


def test_labelled_atoms_sample_by_sample() -> None:
    model = reasoner()
    made = formulas(24)
    labelled = [Sample(s.facts, {f"value({s.target})": True}, s.inputs) for s in made]
    values = ns.fit(model, batches_of("value(V)", made, 8), epochs=2, progress=False)
    other = reasoner()
    atoms = ns.fit(other, batches_of("value(V)", labelled, 8), epochs=2, progress=False)
    assert [e.loss for e in atoms.epochs] == pytest.approx([e.loss for e in values.epochs], rel=1e-6)


# -------------------------------------------------------------------------------------------------------------- slots


def test_no_network_sees_the_row_of_a_slot_that_a_sample_lacks() -> None:
    made = formulas(3)
    (batch,) = batches_of("value(V)", made)
    assert set(batch.inputs) == {"s0", "s1", "s2"}
    assert math.isnan(float(batch.inputs["s2"][0, 0])) and not math.isnan(float(batch.inputs["s2"][2, 0]))
    batch.ask(reasoner()).nll(batch.targets)  # pyright: ignore[reportArgumentType]
    # a rule that asks for it after all gets no silent zero
    text = FORMULA + "seen(V) :- symbol(s2, V).\n"
    torch.manual_seed(0)
    asking = ns.Reasoner(ns.Program.from_text(text), networks={"net": MLP([2, 8, 3])})
    (other,) = batches_of("seen(V)", made)
    with pytest.raises(NetworkError) as caught:
        other.ask(asking)
    assert caught.value.code == "NS603"


def test_facts_that_name_an_input_that_is_not_there() -> None:
    long, short = formulas(3)[2], formulas(3)[0]
    with pytest.raises(DataError, match="sample 1 name `s1`") as caught:
        batches_of("value(V)", [long, Sample(long.facts, 1, short.inputs)])
    assert caught.value.code == "NS625"


def test_inputs_of_different_shapes() -> None:
    with pytest.raises(DataError, match="different shapes") as caught:
        batches_of("p(V)", [Sample([], 1, {"a": torch.zeros(2)}), Sample([], 1, {"a": torch.zeros(3)})])
    assert caught.value.code == "NS625"


def test_lengths_that_disagree() -> None:
    rows = torch.zeros(2, 1)
    for wrong in ({"samples": [[]]}, {"concepts": {"d(a, D)": [1]}}, {"difficulty": torch.zeros(1)}):
        with pytest.raises(DataError) as caught:
            batches("p(a, V)", {"a": rows}, [1, 2], **wrong)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "NS625"
    with pytest.raises(DataError, match="no samples") as caught:
        Batch(("p(V)",), [])
    assert caught.value.code == "NS620"


# ------------------------------------------------------------------------------------------------------------- resume


@pytest.mark.parametrize("same_shape", [False, True])
def test_a_run_that_is_killed_goes_on_to_the_bit(tmp_path: Any, same_shape: bool) -> None:
    def run(model: ns.Reasoner, die: int | None = None, **options: Any) -> ns.FitResult:
        calls = []

        def loss(answers: ns.SampleAnswers, batch: Batch) -> Tensor:
            calls.append(1)
            if len(calls) == die:
                raise KeyboardInterrupt
            return answers.nll(batch.targets)  # pyright: ignore[reportArgumentType]

        train = batches_of("value(V)", formulas(40), 8)
        return ns.fit(
            model, train, epochs=3, lr=0.05, loss=loss, same_shape=same_shape, progress=False, **options
        )  # fmt: skip

    whole = reasoner()
    expected = run(whole)
    with pytest.raises(KeyboardInterrupt):
        run(reasoner(), die=9, checkpoint=tmp_path / "c", checkpoint_every=1)
    resumed = reasoner(5)
    result = run(resumed, checkpoint=tmp_path / "c", checkpoint_every=1)
    assert result.resumed and numbers(resumed) == numbers(whole)
    assert [e.loss for e in result.epochs] == [e.loss for e in expected.epochs]


# ----------------------------------------------------------------------------------- those who read batches otherwise


def test_posterior_and_audit_refuse_facts_that_they_would_not_see() -> None:
    pytest.importorskip("pyro")
    model = ns.Reasoner(ns.Program.from_text("t(0.5) :: a(1). b(X) :- a(X), c(X).", facts_predicates=[("c", 1)]))
    batch = Batch(("b(X)",), [1], samples=[[("c", (1,))]])
    for use in (ns.posterior, ns.audit):
        with pytest.raises(DataError, match="facts of their own"):
            use(model, batch)


def test_labelled_atoms_of_each_sample_over_one_graph() -> None:
    program = ns.Program.from_text("neural d(x: Tensor, v: 0..2) by net . p(X, V) :- d(X, V).")
    torch.manual_seed(0)
    model = ns.Reasoner(program, networks={"net": MLP([2, 3])})
    answers = model.query("p(a, V)", inputs={"a": torch.randn(2, 2)})
    losses = answers.nll([{"p(a, 1)": True}, {"p(a, 0)": False, "p(a, 2)": None}], "none").detach()
    tags = answers.tags.detach()
    assert losses.tolist() == pytest.approx([-math.log(tags[0, 1]), -math.log(1 - tags[1, 0])])
    with pytest.raises(DataError, match="labelled atoms of 1 samples for a batch of 2"):
        answers.nll([{"p(a, 1)": True}])
