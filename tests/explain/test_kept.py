"""What was made to explain one sample serves the next, and changes nothing of what is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import neurosym as ns
from neurosym.explain.contributions import leaving
from neurosym.grounding import CERTAIN
from neurosym.reasoner.grounded import Grounded
from neurosym.reasoner.kept import Kept
from neurosym.semantics import Exact

# clashes share inputs, so that `clash` is compiled; `total` is sums and products; both rest on recorded facts
PROGRAM = """
    neural shows(x: Tensor, v: 0..3) by net .
    pred pair(x: symbol, y: symbol) .
    pair(a, b). pair(b, c). pair(a, c).
    rule clash if pair(?x, ?y) and shows(?x, ?v) and shows(?y, ?v) then clash .
    rule likely weight 0.8 learn if clash then odd .
    rule two if first(?x) and shows(?x, ?u) and shows(c, ?v) and ?n = ?u + ?v then total(?n) .
    first(a).
"""


class Plain(nn.Module):
    def forward(self, rows: Tensor) -> Tensor:
        return rows


def reasoner() -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_text(PROGRAM, "k.rules"), networks={"net": Plain()}, seed=0)


def inputs(seed: int) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {slot: torch.randn(1, 4, generator=random) for slot in "abc"}


def told(mine: ns.Reasoner, atom: str, seed: int, **options: Any) -> dict[str, Any]:
    answers = mine.query("clash", "odd", "total(N)", inputs=inputs(seed))
    why = ns.explain(answers, atom, **options).to_dict()
    why["provenance"].pop("time", None)
    return why


@pytest.mark.parametrize("many", [1000, 0], ids=["one circuit", "a graph for each rule"])
@pytest.mark.parametrize("atom", ["clash", "odd", "total(3)"])
def test_a_later_sample_is_told_as_if_it_were_the_first(
    atom: str, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(leaving, "MANY", many)
    mine = reasoner()
    for seed in range(4):
        assert same(told(mine, atom, seed), told(reasoner(), atom, seed))


def same(one: Any, other: Any) -> bool:
    """Equal but for the last bits of numbers: a circuit may add in another order."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-12
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(v, other[k]) for k, v in one.items() if k != "created")
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("atom", ["clash", "total(3)"])
def test_nothing_is_solved_again(atom: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, solved = reasoner(), []
    for seed in range(3):
        told(mine, atom, seed, threshold=None)
    begin = Exact.__init__
    monkeypatch.setattr(Exact, "__init__", lambda self, *a, **k: (solved.append(a), begin(self, *a, **k))[1])
    told(mine, atom, 3, threshold=None)
    assert not solved


def test_weights_that_change_are_used() -> None:
    mine = reasoner()
    before = told(mine, "odd", 0)
    mine.set_rule_weight("likely", 0.1)
    after, fresh = told(mine, "odd", 0), reasoner()
    fresh.set_rule_weight("likely", 0.1)
    assert after["claim"]["probability"] < before["claim"]["probability"]
    assert same(after["contributions"], told(fresh, "odd", 0)["contributions"])


def test_what_is_told_verifies() -> None:
    mine = reasoner()
    for seed in range(2):
        answers = mine.query("clash", "odd", "total(N)", inputs=inputs(seed))
        for atom in ("clash", "odd", "total(3)"):
            found = ns.explain(answers, atom, threshold=None).verify(contributions=True)
            assert found.unchecked == ("what the networks say",)


def test_some_of_the_roots_and_what_was_found_on_the_way() -> None:
    answers = reasoner().query("clash", "odd", "total(N)", inputs=inputs(0))
    grounded, tags = answers.grounded, answers.leaf_tags
    whole = Exact(grounded.graph, answers.facts)
    for k, fact in enumerate(answers.facts):
        alone = whole.only([k])
        assert alone.methods == [whole.methods[k]] and alone.detail(0) == whole.detail(k)
        assert torch.allclose(alone(tags)[:, 0], Exact(grounded.graph, [fact])(tags)[:, 0], atol=1e-12)
        assert alone.circuit is not None and whole.circuit is not None
        assert alone.circuit.nodes < whole.circuit.nodes
    found = whole.inside(tags[0].detach(), range(grounded.graph.num_facts))
    assert set(answers.facts) <= set(found)
    for fact, value in found.items():
        expected = Exact(grounded.graph, [fact])(tags)[0, 0]
        assert value == pytest.approx(float(expected.detach()), abs=1e-12), grounded.graph.atom(fact)


def test_under_evidence_nothing_is_taken_from_the_way() -> None:
    answers = reasoner().query("odd", inputs=inputs(0), evidence={"clash": True})
    exact = Exact(answers.grounded.graph, answers.facts, answers.evidence)
    assert exact.inside(answers.leaf_tags[0].detach(), answers.facts) == {}
    assert torch.allclose(exact.only([0])(answers.leaf_tags), exact(answers.leaf_tags))


def test_facts_on_the_way_are_solved_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the facts that two samples need, those that both need are not solved again, in whatever sets they come."""
    answers = reasoner().query("odd", "total(N)", inputs=inputs(0))
    graph, tags = answers.grounded.graph, answers.leaf_tags.detach()
    derived = [f for f in range(graph.num_facts) if graph.choice[f] < 0 and graph.status[f] != CERTAIN]
    assert len(derived) >= 3
    made: list[tuple[int, ...]] = []
    solve = Grounded.one_world
    monkeypatch.setattr(Grounded, "one_world", lambda self, f, *rest: made.append(tuple(f)) or solve(self, f, *rest))
    beside = Grounded(graph, answers.grounded.leaves, answers.grounded.max_circuit).beside()
    for wanted in (derived[:2], derived[1:], derived):
        found: dict[int, float] = {}
        for evaluator, facts in beside.covering(wanted, (), None):
            found |= dict(zip(facts, evaluator(tags)[0].tolist(), strict=True))
        assert set(wanted) <= set(found)
        for fact, value in found.items():
            assert value == pytest.approx(float(Exact(graph, [fact])(tags)[0, 0]), abs=1e-12)
    assert made == [tuple(derived[:2]), tuple(derived[2:])]


def test_the_oldest_goes() -> None:
    kept = Kept(most=10)
    for name in "abc":
        kept.put(name, name.upper(), 4)
    assert kept.get("a") is None and (kept.get("b"), kept.get("c")) == ("B", "C")
    kept.get("b")
    kept.put("d", "D", 4)
    assert kept.get("c") is None and kept.get("b") == "B" and len(kept) == 2 and kept.held == 8
    kept.put("e", "E", 11)
    assert kept.get("e") is None and kept.get("b") == "B"
    kept.put("b", "again", 1)
    assert kept.get("b") == "again" and kept.held == 5
