"""Claims under `topk`: the probability, recomputed in full, must lie between the bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.semantics import TopK

ROADS = (
    "0.3::e(a,b). 0.5::e(b,c). 0.4::e(a,c). 0.6::e(c,d). 0.2::e(a,d). 0.5::e(b,d). 0.1::e(d,c).\n"
    "p(X,Y) :- e(X,Y). p(X,Z) :- e(X,Y), p(Y,Z)."
)


def why(k: int, observed: str = "") -> ns.Explanation:
    program = ns.Program.from_text(f"{ROADS} {observed}", "x.pl", "pl")
    answers = ns.Reasoner(program, semantics=TopK(k=k, width=1.0, max_k=k)).query("p(a,d)")
    return ns.explain(answers, "p(a,d)")


@pytest.mark.parametrize(
    ("k", "observed"),
    [(1, ""), (2, ""), (50, ""), (5, "evidence(e(a,b))."), (5, "evidence(p(a,c))."), (50, "evidence(p(a,c)).")],
)
def test_bounds_that_hold_are_confirmed(k: int, observed: str) -> None:
    made = why(k, observed)
    exact = ns.Reasoner(ns.Program.from_text(f"{ROADS} {observed}", "x.pl", "pl")).query("p(a,d)")
    probability = float(exact.tags[0, 0])
    assert made.claim.lower - 1e-9 <= probability <= made.claim.upper + 1e-9
    assert made.claim.upper > made.claim.lower or k == 50
    found = made.verify()
    assert found.value == pytest.approx(probability, abs=1e-9)
    assert any("lies between its bounds" in line for line in found.checked) and found.unchecked == ()
    ns.Explanation.from_json(made.to_json()).verify()


@pytest.mark.parametrize(
    "moved",
    [
        {"lower": 0.6, "upper": 0.62, "probability": 0.61},  # beside the probability
        {"lower": 0.0, "upper": 0.1, "probability": 0.05},
        {"probability": 0.99},  # no longer in the middle
    ],
)
def test_bounds_that_do_not_hold_are_refuted(moved: dict[str, float]) -> None:
    made = why(1)
    claimed = replace(made.claim, **moved)
    with pytest.raises(ExplanationError) as fault:
        replace(made, claim=claimed).verify()
    assert fault.value.code == "NS821"
    certificate = replace(
        made.certificate, value=claimed.probability, bounds=(claimed.lower, claimed.upper)
    )  # the certificate says so as well
    with pytest.raises(ExplanationError) as fault:
        replace(made, claim=claimed, certificate=certificate).verify()
    assert fault.value.code == "NS821"
