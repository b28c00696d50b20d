"""Certificates of the size that reports have: some 30 choices, hundreds to thousands of groundings."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.errors import ExplanationError
from neurosym.verify import verify_certificate
from neurosym.verify.exact import recompute_exact
from neurosym.verify.structure import read_structure
from tests.verify.programs import certificate


def exact(text: str, claim: str, evidence: dict[str, bool] | None = None, max_steps: int = 1_000_000) -> float:
    data = certificate(text, claim, 0.0, evidence)
    return recompute_exact(read_structure(data, 10**6, 10**6), max_steps).value


def count_chain(members: list[str]) -> list[str]:
    """The chain of states that an aggregate becomes: `n(i, k)` is 'k of the first i members hold'."""
    lines = ["n(0,0)."]
    for i, member in enumerate(members):
        for k in range(i + 1):
            lines += [f"n({i + 1},{k + 1}) :- n({i},{k}), {member}.", f"n({i + 1},{k}) :- n({i},{k}), \\+ {member}."]
    return lines


def test_a_count_of_ten_shared_with_ten_weighted_rules():
    weights = [round(0.1 + 0.08 * k, 2) for k in range(10)]
    lines = [f"{w} :: c{k}." for k, w in enumerate(weights)] + [f"0.7 :: u{k}." for k in range(10)]
    lines += [f"m{k} :- c{k}, u{k}." for k in range(10)]
    lines += count_chain([f"m{k}" for k in range(10)])
    lines += [f"many :- n(10,{k})." for k in range(4, 11)]
    for r in range(10):
        lines.append(f"0.{r + 1 if r < 9 else 5} :: w{r}.")
        lines.append(f"q :- {'many' if r % 2 else f'm{(r + 3) % 10}'}, c{r}, w{r}.")
    value = exact("\n".join(lines), "q")
    # the same by dynamic programming over the 3 ** 10 states of (c, m), with the rules' weights summed out
    total = 0.0
    for states in itertools.product(range(3), repeat=10):  # 0: not c, 1: c and not u, 2: c and u
        p, fails = 1.0, 1.0
        for k, s in enumerate(states):
            p *= (1 - weights[k]) if s == 0 else weights[k] * (0.7 if s == 2 else 0.3)
        many = sum(s == 2 for s in states) >= 4
        for r in range(10):
            if states[r] and (many if r % 2 else states[(r + 3) % 10] == 2):
                fails *= 1 - (r + 1 if r < 9 else 5) / 10
        total += p * (1 - fails)
    assert value == pytest.approx(total, abs=1e-9)


def test_addition_of_two_numbers_of_four_digits():
    lines = ["; ".join(f"0.1 :: d({x}{i},{v})" for v in range(10)) + "." for i in range(4) for x in "ab"]
    lines.append("c(0,0).")
    for i, a, b, carry in itertools.product(range(4), range(10), range(10), range(2)):
        if i or not carry:
            body = f"d(a{i},{a}), d(b{i},{b}), c({i},{carry})"
            t = a + b + carry
            lines += [f"s({i},{t % 10}) :- {body}.", f"c({i + 1},{t // 10}) :- {body}."]
    lines.append("q :- s(0,2), s(1,1), s(2,7), s(3,5), c(4,0).")
    assert exact("\n".join(lines), "q") == pytest.approx(5713 / 10**8, abs=1e-12)


def test_a_long_chain_of_states():
    lines = ["0.5 :: x(0,0); 0.5 :: x(0,1).", "h(0,0) :- x(0,0).", "h(0,1) :- x(0,1)."]
    for t, s in itertools.product(range(1, 150), range(2)):
        lines.append(f"0.9 :: x({t},{s},{s}); 0.1 :: x({t},{s},{1 - s}).")
        lines += [f"h({t},{u}) :- h({t - 1},{s}), x({t},{s},{u})." for u in range(2)]
    assert exact("\n".join(lines), "h(149,0)") == pytest.approx(0.5, abs=1e-9)


def test_what_is_too_entangled_stops_and_says_so():
    rng = random.Random(0)
    lines = [f"0.5 :: c{k}." for k in range(30)]
    lines += [f"x{k} :- {', '.join(f'c{v}' for v in rng.sample(range(30), 3))}." for k in range(100)]
    lines += [f"y{k} :- \\+ x{k}, x{(k + 31) % 100}." for k in range(100)]
    lines += [f"q :- {', '.join(f'y{v}' for v in rng.sample(range(100), 2))}." for k in range(40)]
    with pytest.raises(ExplanationError, match="neither confirmed nor refuted"):
        verify_certificate(certificate("\n".join(lines), "q", 0.5), max_steps=20_000)


@settings(max_examples=60)
@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=9), st.integers(1, 4))
def test_reaching_a_node_against_all_subgraphs(edges: set[tuple[int, int]], goal: int):
    edges = {(x, y) for x, y in edges if x != y and y != 0}
    lines = ["r(0)."] + [f"0.4 :: e({x},{y})." for x, y in sorted(edges)]
    reached = _closure(edges)
    if goal not in reached:
        return
    lines += [f"r({y}) :- r({x}), e({x},{y})." for x, y in sorted(edges) if x in reached]
    total = 0.0
    for size in range(len(edges) + 1):
        for kept in itertools.combinations(sorted(edges), size):
            total += 0.4**size * 0.6 ** (len(edges) - size) * (goal in _closure(set(kept)))
    assert exact("\n".join(lines), f"r({goal})") == pytest.approx(total, abs=1e-9)
    assert exact("\n".join(lines) + f"\nq :- \\+ r({goal}).", "q") == pytest.approx(1 - total, abs=1e-9)


def _closure(edges: set[tuple[int, int]]) -> set[int]:
    reached = {0}
    while more := {y for x, y in edges if x in reached} - reached:
        reached |= more
    return reached


def test_double_recursion():
    edges = [(0, 1), (1, 2), (2, 0), (0, 3), (3, 2), (1, 3)]
    lines = [f"0.5 :: e({x},{y})." for x, y in edges] + [f"p({x},{y}) :- e({x},{y})." for x, y in edges]
    triples = itertools.product(range(4), repeat=3)
    lines += [f"p({x},{z}) :- p({x},{y}), p({y},{z})." for x, y, z in triples]
    known = {(x, y) for x in range(4) for y in range(4) if (x, y) in _pairs(edges)}
    lines = [line for line in lines if all((x, y) in known for x, y in _atoms(line))]
    total = 0.0
    for size in range(len(edges) + 1):
        for kept in itertools.combinations(edges, size):
            total += 0.5 ** len(edges) * ((0, 2) in _pairs(kept))
    assert exact("\n".join(lines), "p(0,2)") == pytest.approx(total, abs=1e-9)


def _pairs(edges) -> set[tuple[int, int]]:
    pairs = set(edges)
    while more := {(x, z) for x, y in pairs for y2, z in pairs if y == y2} - pairs:
        pairs |= more
    return pairs


def _atoms(line: str) -> list[tuple[int, int]]:
    import re

    return [(int(x), int(y)) for x, y in re.findall(r"p\((\d),(\d)\)", line)]
