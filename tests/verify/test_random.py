"""Explanations of random programs verify beside their rules: both sides take rules apart and derive facts alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import neurosym as ns
from neurosym.errors import NeurosymError
from neurosym.grounding import Limits
from tests.oracles.problog_programs import program
from tests.oracles.recursions import recursions
from tests.oracles.typed_programs import typed_programs

LIMITS = Limits(facts=5_000, firings=50_000, seconds=5)


def verified(text: str, dialect: str, queries: tuple[str, ...] = ()) -> int:
    """Explain some answers of a program and verify them; how many. A program that is refused has none."""
    try:
        parsed = ns.Program.from_text(text, f"x.{dialect}", dialect=dialect)
        known = {a.key for r in parsed.rules for h in r.heads for a in h.atoms}
        asked = queries or tuple(
            f"{name}({', '.join(f'X{k}' for k in range(n))})" if n else name for name, n in sorted(known)
        )
        answers = ns.Reasoner(parsed, limits=LIMITS).query(*(() if dialect == "pl" else asked))
    except NeurosymError:
        return 0
    atoms = answers.atoms[:: max(1, len(answers.atoms) // 6)]
    for atom in atoms:
        why = ns.explain(answers, atom, contributions=False)
        assert why.verify().unchecked == (), atom
    return len(atoms)


@pytest.mark.parametrize("start", [0, 20])
def test_problog_programs(start: int) -> None:
    assert sum(verified(program(seed), "pl") for seed in range(start, start + 20)) > 60


@pytest.mark.slow
def test_many_problog_programs() -> None:
    assert sum(verified(program(seed), "pl") for seed in range(1000, 1500)) > 1500


def test_the_random_programs_have_answers() -> None:
    text = "n(1). 0.5 :: p(X) :- n(X). t :- p(X), X > 0."
    assert verified(text, "rules") == 3


@settings(max_examples=25, deadline=None)
@given(typed_programs())
def test_values_of_all_types(statements: list[str]) -> None:
    verified("\n".join(statements), "rules")


@settings(max_examples=25, deadline=None)
@given(recursions())
def test_recursions(statements: list[str]) -> None:
    verified("\n".join(statements), "rules")
