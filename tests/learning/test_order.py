"""In which order samples are seen."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError
from neurosym.learning import Batch, Curriculum, batches
from neurosym.learning.order import Order

CHAIN = """
    pred edge(a: int, b: int) .
    t(0.5) :: open(X, Y) :- edge(X, Y).
    reach(Y) :- edge(0, Y), open(0, Y).
    reach(Y) :- reach(X), edge(X, Y), open(X, Y).
    home(yes) :- reach(9).
    home(no) :- not reach(9).
"""


def chain(length: int) -> list[tuple[str, tuple[int, ...]]]:
    """A path from 0 to 9 in so many steps."""
    stops = [0, *range(1, length), 9]
    return [("edge", (a, b)) for a, b in pairwise(stops)]


def seen(order: Order, epoch: int) -> list[Batch]:
    return [make() for make in order.epoch(epoch)]


def test_samples_are_mixed_and_keep_what_belongs_to_them() -> None:
    rows = torch.arange(10.0)[:, None]
    concepts = {"d(a, D)": list(range(10)), "e(a)": torch.arange(10.0)}
    given = batches("p(a, V)", {"a": rows}, list(range(10)), 4, concepts=concepts)
    mixed = seen(Order(given, 3), 0)
    assert [len(b.targets) for b in mixed] == [4, 4, 2]
    pairs = [
        (int(r), t, c, int(e))  # pyright: ignore
        for b in mixed
        for r, t, c, e in zip(
            b.inputs["a"][:, 0],
            b.targets,  # pyright: ignore[reportArgumentType]
            b.concepts["d(a, D)"],
            b.concepts["e(a)"],
            strict=True,
        )
    ]
    assert sorted(pairs) == [(k, k, k, k) for k in range(10)] != pairs
    assert [b.targets for b in seen(Order(given, 3), 0)] == [b.targets for b in mixed]
    assert [b.targets for b in seen(Order(given, 3), 1)] != [b.targets for b in mixed]


def test_each_question_is_mixed_by_itself_and_labelled_atoms_stay_whole() -> None:
    rows = torch.arange(10.0)[:, None]
    one = batches("p(a, V)", {"a": rows}, list(range(10)), 4)
    two = batches("q(a, V)", {"a": rows + 100}, [k + 100 for k in range(10)], 5)
    whole = Batch(("r",), {"r": True})
    mixed = seen(Order([*one, *two, whole], 1), 0)
    assert len(mixed) == 6 and sum(b is whole for b in mixed) == 1
    for query, base in (("p(a, V)", 0), ("q(a, V)", 100)):
        targets = [t for b in mixed if b.queries == (query,) for t in b.targets]  # pyright: ignore
        assert sorted(targets) == list(range(base, base + 10)) != targets  # pyright: ignore
    assert [b.queries for b in mixed] != [b.queries for b in seen(Order([*one, *two, whole], 1), 1)]


def chains() -> tuple[ns.Reasoner, list[Batch]]:
    facts = [chain(1 + k % 3) for k in range(12)]
    data = batches("home(V)", {}, [ns.Symbol("yes")] * 12, 4, samples=facts)
    return ns.Reasoner(ns.Program.from_text(CHAIN)), data


def lengths(batch: Batch) -> list[int]:
    return [1 + k % 3 for k in batch.only or ()]


def test_samples_of_one_shape_are_put_together() -> None:
    reasoner, data = chains()
    mixed = seen(Order(data, 0), 0)
    apart = seen(Order(data, 0, same_shape=True, reasoner=reasoner), 0)
    assert any(len(set(lengths(b))) > 1 for b in mixed)
    assert [len(set(lengths(b))) for b in apart] == [1, 1, 1]
    assert sorted(k for b in apart for k in b.only or ()) == list(range(12))
    again = seen(Order(data, 0, same_shape=True, reasoner=reasoner), 1)
    assert [lengths(b)[0] for b in again] != [lengths(b)[0] for b in apart] or [b.only for b in again] != [
        b.only for b in apart
    ]


def test_what_is_left_of_shapes_is_put_together() -> None:
    reasoner, _ = chains()
    facts = [chain(1 + k % 3) for k in range(10)]
    data = batches("home(V)", {}, [ns.Symbol("yes")] * 10, 3, samples=facts)
    apart = seen(Order(data, 0, same_shape=True, reasoner=reasoner), 0)
    assert sorted(k for b in apart for k in b.only or ()) == list(range(10))
    assert sorted(len(b.targets) for b in apart) == [1, 3, 3, 3]


# ---------------------------------------------------------------------------------------------------- easy ones first


def test_a_curriculum_begins_with_the_smallest_ground_graphs() -> None:
    reasoner, data = chains()
    order = Order(data, 0, curriculum=Curriculum(start=0.3, epochs=4), reasoner=reasoner)
    hardest = [max(length for b in seen(order, epoch) for length in lengths(b)) for epoch in range(6)]
    counts = [sum(len(b.targets) for b in seen(order, epoch)) for epoch in range(6)]
    assert hardest == [1, 2, 2, 3, 3, 3]
    assert counts == [4, 8, 8, 12, 12, 12]  # equally hard ones come together


def test_a_number_of_the_callers_takes_the_place_of_the_graph() -> None:
    rows = torch.arange(8.0)[:, None]
    hard = torch.tensor([5.0, 1, 7, 3, 2, 8, 4, 6])
    data = batches("p(a, V)", {"a": rows}, list(range(8)), 3, difficulty=hard)
    order = Order(data, 0, curriculum=Curriculum(0.25, 3))
    first = sorted(t for b in seen(order, 0) for t in b.targets)  # pyright: ignore
    assert first == [1, 4]
    assert sorted(t for b in seen(order, 1) for t in b.targets) == [1, 3, 4, 6]  # pyright: ignore
    assert len(seen(order, 3)) == 3


def test_the_share_of_a_curriculum() -> None:
    assert [Curriculum(0.2, 4).share(e) for e in (0, 2, 4, 9)] == pytest.approx([0.2, 0.6, 1.0, 1.0])
    assert Curriculum(0.2, 4, power=2.0).share(1) == pytest.approx((0.04 + 0.25 * 0.96) ** 0.5)
    for wrong in ({"start": 0.0}, {"start": 1.5}, {"epochs": 0}, {"power": 0.0}):
        with pytest.raises(DataError) as caught:
            Curriculum(**wrong)  # pyright: ignore[reportArgumentType]
        assert caught.value.code == "NS625"
