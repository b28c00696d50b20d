"""Programs with their expected answers: each folder of tests/programs is a case, and adding a case is adding a folder.

A case holds `program.rules` or `program.pl`, facts as `.ttl` or `.csv` files (a CSV file's name is its predicate), and
`expected.json`: `{"semantics": "exact", "answers": {atom: probability}}` or `{"semantics": "exact", "error": code}`. A
pair of numbers in place of a probability is its bounds over what is unknown.
With `"complete": [name, …]` the answers name every fact of these predicates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from neurosym.errors import NeurosymError, RuleError, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import Limits, ground
from neurosym.lang import Program, parse_atom, parse_files
from neurosym.semantics import Bounds, unknown_leaves
from neurosym.semantics.exact import Exact
from tests.oracles.engine import constant_inputs, observed, visible

FOLDER = Path(__file__).parent / "programs"
CASES = sorted(p.parent for p in FOLDER.glob("*/expected.json") if not p.parent.name.startswith("lang_"))
LIMITS = Limits(facts=5_000, firings=100_000, seconds=20)  # small, so that a runaway recursion ends soon


def answer(folder: Path, atoms: list[str], complete: Sequence[str] = ()) -> dict[str, list[float]]:
    """Bounds of ground atoms' probabilities, each as it is spelled, and of other facts of the `complete` predicates."""
    facts = FactBase()
    for path in sorted(folder.glob("*.ttl")):
        facts = facts + FactBase.from_rdf(path)
    for path in sorted(folder.glob("*.csv")):
        facts = facts + FactBase.from_csv(path)
    program = parse_files(folder.glob("program.*"), facts_predicates=list(facts.tables))
    queries = [parse_atom(a, program.prefixes) for a in atoms]
    queries += [q.atom for q in program.queries]
    graph = ground(program, facts, queries=queries, limits=LIMITS)
    evidence = observed(graph, program)
    if evidence is None:
        raise SemanticsError("an absent atom was observed true", code="NS502")
    found = [graph.matches(q).tolist() for q in queries]
    named = {f for ids in found[: len(atoms)] for f in ids}
    others = [f for f in visible(graph) if graph.key(f)[0] in complete and f not in named]
    roots = [f for ids in [*found, *[[f] for f in others]] for f in ids]
    inputs = constant_inputs(graph)
    if len(unknown_leaves(graph)):
        bounds = Bounds(graph, roots, evidence, None, lambda facts, given: Exact(graph, facts, given)).bounds(inputs)
    else:
        bounds = (Exact(graph, roots, evidence)(inputs),) * 2
    values = dict(zip(roots, torch.stack(bounds, dim=-1)[0].tolist(), strict=True))
    answers = {a: values[ids[0]] if ids else [0.0, 0.0] for a, ids in zip(atoms, found, strict=False)}
    return answers | {graph.atom(f): values[f] for f in others}


def interval(expected: float | list[float]) -> list[float]:
    """A probability as bounds."""
    return expected if isinstance(expected, list) else [expected, expected]


def check(program: Program) -> None:
    """The program must have no error; warnings are fine."""
    assert not [d for d in program.warnings if d.severity == "error"]


@pytest.mark.parametrize("folder", CASES, ids=lambda p: p.name)
def test_case(folder: Path) -> None:
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    if "error" in expected:
        with pytest.raises(NeurosymError) as caught:
            answer(folder, [])
        codes = (
            [d.code for d in caught.value.diagnostics] if isinstance(caught.value, RuleError) else [caught.value.code]
        )
        assert expected["error"] in codes
        return
    answers = answer(folder, list(expected["answers"]), expected.get("complete", ()))
    assert set(answers) == set(expected["answers"])
    for atom, wanted in expected["answers"].items():
        assert answers[atom] == pytest.approx(interval(wanted), abs=1e-7), atom


@pytest.mark.parametrize("folder", CASES, ids=lambda p: p.name)
def test_every_answer_is_explained_and_verified(folder: Path) -> None:
    """Through the public API: the number follows from the certificate, and the certificate from rules and facts."""
    import neurosym as ns

    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    if "error" in expected or not expected["answers"]:
        pytest.skip("the case has no answers")
    facts = FactBase()
    for path in sorted(folder.glob("*.ttl")):
        facts = facts + FactBase.from_rdf(path)
    for path in sorted(folder.glob("*.csv")):
        facts = facts + FactBase.from_csv(path)
    program = parse_files(folder.glob("program.*"), facts_predicates=list(facts.tables))
    answers = ns.Reasoner(program, facts, limits=LIMITS).query(*expected["answers"])
    for atom, wanted in expected["answers"].items():
        low, high = interval(wanted)
        why = ns.explain(answers, atom, contributions=False)
        assert (why.claim.lower, why.claim.upper) == pytest.approx((low, high), abs=1e-7)
        assert why.claim.probability == pytest.approx((low + high) / 2, abs=1e-7)
        found = why.verify()
        assert not found.unchecked  # against rules and facts, too, and to the end
        assert why.proofs or high == 0
