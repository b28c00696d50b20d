"""The exact semantics against worlds that can be counted by hand, and against the enumeration of all worlds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.errors import ExplanationError
from neurosym.verify import verify_certificate
from tests.verify.programs import certificate, worlds

NOT = "\\+ "
CYCLE = """
    0.5 :: e(s,1).
    0.5 :: e(s,2).
    0.5 :: e(1,2).
    0.5 :: e(2,1).
    s.
    r(1) :- s, e(s,1).
    r(2) :- s, e(s,2).
    r(2) :- r(1), e(1,2).
    r(1) :- r(2), e(2,1).
"""
CASES = {
    "one leaf": ("0.3 :: a.", "a", {}, 0.3),
    "certain": ("a.", "a", {}, 1.0),
    "and": ("0.3 :: a.\n0.5 :: b.\nq :- a, b.", "q", {}, 0.15),
    "or": ("0.3 :: a.\n0.5 :: b.\nq :- a.\nq :- b.", "q", {}, 0.65),
    "or of one leaf is no noisy-or": ("0.3 :: a.\np :- a.\nr :- a.\nq :- p.\nq :- r.", "q", {}, 0.3),
    "negation": ("0.3 :: a.\nq :- \\+ a.", "q", {}, 0.7),
    "a and not a": ("0.3 :: a.\np :- a.\nq :- p, \\+ a.", "q", {}, 0.0),
    "annotated disjunction": ("0.2 :: a; 0.3 :: b.\nq :- a.\nq :- b.", "q", {}, 0.5),
    "outcomes exclude one another": ("0.2 :: a; 0.3 :: b.\nq :- a, b.", "q", {}, 0.0),
    "what is left over": ("0.2 :: a; 0.3 :: b.\nq :- \\+ a, \\+ b.", "q", {}, 0.5),
    "nothing is left over": ("0.2 :: a; 0.8 :: b.\nq :- \\+ a, \\+ b.", "q", {}, 0.0),
    "positive cycle": (CYCLE, "r(1)", {}, 0.625),
    "unfounded cycle": ("0.5 :: a.\np :- q.\nq :- p.\nr :- a.\nr :- p.", "r", {}, 0.5),
    "self-support": ("0.5 :: a.\np :- p.\np :- a, p.\nr :- p.\nr :- a.", "r", {}, 0.5),
    "negation of a cycle": (CYCLE + "\nq :- \\+ r(1).", "q", {}, 0.375),
    "evidence": ("0.3 :: a.\n0.5 :: b.\nq :- a.\nq :- b.", "a", {"q": True}, 0.3 / 0.65),
    "evidence against": ("0.3 :: a.\n0.5 :: b.\nq :- a, b.", "a", {"q": False}, 0.15 / 0.85),
    "evidence on an outcome": ("0.2 :: a; 0.3 :: b.", "b", {"a": False}, 0.375),
    "evidence on the claim": ("0.2 :: a.", "a", {"a": True}, 1.0),
    "rare evidence": ("1e-9 :: a.\n1e-9 :: b.\nq :- a.\nq :- b.", "a", {"q": True}, 1 / (2 - 1e-9)),
    "a derived certain fact": ("0.5 :: a.\np.\np :- a.\nq :- p, a.", "q", {}, 0.5),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name: str):
    text, claim, evidence, value = CASES[name]
    result = verify_certificate(certificate(text, claim, value, evidence), expected=value, tolerance=1e-12)
    assert result.value == pytest.approx(value, abs=1e-12)
    assert worlds(certificate(text, claim, value, evidence)) == pytest.approx(value, abs=1e-9)


def test_evidence_of_a_tiny_probability_loses_no_digits():
    # 1 - 0.999...: computed as a complement, this would be 11 % off
    p = 1e-15
    text = f"{p} :: a.\n{p} :: b.\nnone :- \\+ a, \\+ b.\nq :- \\+ none."
    verify_certificate(certificate(text, "a", 0.5, {"q": True}), tolerance=1e-9)


def test_impossible_evidence():
    with pytest.raises(ExplanationError, match="probability 0") as error:
        verify_certificate(certificate("0.2 :: a; 0.3 :: b.\nq :- a, b.", "a", 0.2, {"q": True}))
    assert error.value.code == "NS823"


@st.composite
def programs(draw: st.DrawFn) -> dict:
    """Up to six choices and twelve rules; negation looks at leaves and lower strata, positive cycles are common."""
    lines, leaves = [], []
    for c in range(draw(st.integers(1, 5))):
        names = [f"c{c}_{k}" for k in range(draw(st.integers(1, 3)))]
        parts = draw(st.lists(st.integers(0, 4), min_size=len(names) + 1, max_size=len(names) + 1))
        total = max(1, sum(parts))
        lines.append("; ".join(f"{p / total} :: {n}" for p, n in zip(parts, names, strict=False)) + ".")
        leaves += names
    lines.append("sure.")
    count = draw(st.integers(1, 7))
    for _ in range(draw(st.integers(count, 14))):
        head = draw(st.integers(0, count - 1))
        stratum = head // 3
        same = [f"d{k}" for k in range(min(count, stratum * 3 + 3))]
        below = [f"d{k}" for k in range(stratum * 3)]
        body = draw(st.lists(st.sampled_from([*leaves, *same, "sure"]), max_size=3, unique=True))
        negated = draw(st.lists(st.sampled_from([*leaves, *below]), max_size=2, unique=True))
        if body or negated:
            literals = [*body, *(NOT + n for n in negated)]
            lines.append(f"d{head} :- {', '.join(literals)}.")
    text = "\n".join(lines)
    heads = sorted({line.split(" :-")[0] for line in lines if ":-" in line})
    # what no rule derives is nowhere in the graph: a positive literal kills its rule, a negative one holds
    while True:
        known = {*leaves, *heads, "sure"}
        kept = [line for line in lines if ":-" not in line or all(n.lstrip("\\+ ") in known for n in _body(line))]
        now = sorted({line.split(" :-")[0] for line in kept if ":-" in line})
        lines = kept
        if now == heads:
            break
        heads = now
    text = "\n".join(lines)
    names = [*leaves, *heads]
    claim = draw(st.sampled_from([*names[-4:], *heads] or names))
    evidence = draw(st.dictionaries(st.sampled_from(names), st.booleans(), max_size=2))
    return certificate(text, claim, 0.0, evidence)


def _body(line: str) -> list[str]:
    return [part.strip() for part in line.split(":-")[1].removesuffix(".").split(",")]


@settings(max_examples=400)
@given(programs())
def test_random_programs_against_all_worlds(data: dict):
    value = worlds(data)
    if value is None:
        with pytest.raises(ExplanationError, match="probability 0"):
            verify_certificate(data)
        return
    verify_certificate(data | {"value": value}, tolerance=1e-9)
    with pytest.raises(ExplanationError, match="does not follow"):
        verify_certificate(data | {"value": value + 1e-5})
