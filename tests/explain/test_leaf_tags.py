"""A claim under many rows of leaf probabilities, in some of which the evidence is impossible."""

from __future__ import annotations

import math

import pytest
import torch

import neurosym as ns
from neurosym.errors import ImpossibleEvidence, SemanticsError
from neurosym.explain.contributions.tags import bounds_of, tags_of

RULES = "0.5 :: a. 0.4 :: b. c :- a. c :- b. evidence(c)."


def prepared(semantics: str = "exact"):
    answers = ns.Reasoner(ns.Program.from_text(RULES), semantics=semantics).query("a")
    rows = torch.zeros(3, answers.leaf_tags.shape[1], dtype=torch.float64)
    named = {answers.grounded.graph.atom(f): f for f in range(rows.shape[1])}
    rows[0, named["a"]] = rows[2, named["b"]] = 0.5  # in the row between neither holds, and so not `c`
    return answers.grounded.evaluator([named["a"]], answers.evidence, answers.algebra), rows


@pytest.mark.parametrize("semantics", ["exact", "topk"])
def test_rows_in_which_the_evidence_is_impossible_are_told_apart(semantics: str) -> None:
    evaluator, rows = prepared(semantics)
    assert tags_of(evaluator, rows).tolist() == pytest.approx([1.0, math.nan, 0.0], nan_ok=True)
    assert bounds_of(evaluator, rows).tolist() == [[1.0, 1.0], pytest.approx([math.nan] * 2, nan_ok=True), [0.0, 0.0]]


def test_other_errors_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator, rows = prepared("topk")

    def fails(*_: object) -> None:
        raise SemanticsError("too large", code="NS520")

    monkeypatch.setattr(evaluator, "bounds", fails)
    with pytest.raises(SemanticsError) as caught:
        bounds_of(evaluator, rows)
    assert caught.value.code == "NS520" and not isinstance(caught.value, ImpossibleEvidence)
