"""The certificate: the ground subgraph that a claim rests on, with the probabilities of its leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosym.explain.model import Certificate
from neurosym.grounding import CERTAIN, CoreRule, DerivationGraph
from neurosym.grounding.core import ForeignCall
from neurosym.reasoner import Answers
from neurosym.semantics import LogicBounds, relevant_part
from neurosym.semantics.algebras.semirings import ABSORPTIVE
from neurosym.verify.atoms import split_atom


def certificate(
    answers: Answers, fact: int, value: float, sample: int, hashes: dict[str, str], bounds: tuple[float, float]
) -> Certificate:
    """Everything that determines the tag of a fact: facts, choices, groundings and evidence, numbered from 0."""
    graph = answers.grounded.graph
    roots = np.array([fact, *(f for f, _ in answers.evidence)], np.int32)
    algebra = answers.algebra
    drop = algebra is None or (not isinstance(algebra, LogicBounds) and ABSORPTIVE in algebra.properties)
    part = relevant_part(graph, roots, drop)
    shown = dict.fromkeys(part.facts.tolist())
    for grounding in part.grounding.tolist():
        shown |= dict.fromkeys(graph.body_of(grounding)[0])
    number = {f: k for k, f in enumerate(shown)}
    tags = answers.leaf_tags[sample].detach()
    facts: list[dict[str, Any]] = []
    for f in shown:
        given = graph.status[f] == CERTAIN and (drop or bool(part.given[np.searchsorted(part.facts, f)]))
        kind = "leaf" if graph.choice[f] >= 0 else "certain" if given else "derived"
        facts.append({"atom": graph.atom(f), "kind": kind, "hidden": graph.program.hidden.get(graph.key(f), "")})
    groundings: list[dict[str, Any]] = []
    seen: dict[tuple, int] = {}
    for g in part.grounding.tolist():
        body, sign = graph.body_of(g)
        rule = graph.rules[graph.rule[g]]
        # Substitutions that differ in built-ins only (`between`) look alike: once is enough, unless they are counted.
        key = (rule.statement, rule.part, int(graph.head[g]), tuple(body), tuple(sign))
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1 and drop:
            continue
        groundings.append(
            {
                "rule": _label(graph, rule),
                "statement": rule.statement,
                "part": rule.part if seen[key] == 1 else f"{rule.part} ({seen[key]})",
                "head": number[int(graph.head[g])],
                "body": [number[f] for f, s in zip(body, sign, strict=True) if s],
                "negated": [number[f] for f, s in zip(body, sign, strict=True) if not s],
                "absent": graph.absent_of(g),
            }
        )
    choices = _choices(answers, number, tags.tolist())
    return Certificate(
        claim=number[fact],
        value=value,
        semantics=answers.semantics,
        facts=facts,
        choices=choices,
        groundings=groundings,
        evidence=[{"fact": number[f], "observed": v} for f, v in answers.evidence],
        hashes=hashes,
        foreign=sorted({c.foreign.signature for g in part.grounding.tolist() for c in _calls(graph, g)}),
        bounds=bounds if any(c["kind"] == "open" for c in choices) else None,
        parts=_parts(graph, [f["atom"] for f in facts], [a for g in groundings for a in g["absent"]]),
        **_spelling(answers),
    )


def _parts(graph: DerivationGraph, facts: list[str], absent: list[str]) -> dict[str, tuple[int, str, int]]:
    """The hidden predicates of some atoms, as they are spelled, and the part of a statement that each stands for."""
    used = {split_atom(atom)[0] for atom in (*facts, *absent)}
    names = {graph.program.notation.printer(graph.prefixes).predicate(k[0]): v for k, v in graph.program.parts.items()}
    return {name: part for name, part in names.items() if name in used}


def _spelling(answers: Answers) -> dict[str, Any]:
    """How atoms are spelled, and what could be asked about."""
    graph = answers.grounded.graph
    asked = any(group.kind == "neural" for group in graph.choices)
    return {
        "prefixes": dict(graph.prefixes),
        "inputs": sorted(answers.inputs),
        "triples": graph.program.triple_mode,
        "closed": bool(graph.program.neural) and not asked,
    }


def _calls(graph: DerivationGraph, grounding: int) -> list[ForeignCall]:
    """The literals of a grounding's rule that Python functions answered."""
    return [x for x in graph.rules[graph.rule[grounding]].body if isinstance(x, ForeignCall)]


def _label(graph: DerivationGraph, rule: CoreRule) -> str:
    """The name of a rule, or of the declaration that makes a predicate open."""
    if rule.part == "open":
        return f"{rule.heads[0][0].key[0]} is open"
    return graph.program.statements[rule.statement].label


def _choices(answers: Answers, number: dict[int, int], tags: list[float]) -> list[dict[str, Any]]:
    """The choices whose outcomes are among the facts."""
    graph = answers.grounded.graph
    outcomes: dict[int, list[int]] = {}
    for f in number:
        if graph.choice[f] >= 0:
            outcomes.setdefault(int(graph.choice[f]), []).append(f)
    result: list[dict[str, Any]] = []
    for facts in outcomes.values():
        group, row = graph.choice_of(facts[0])
        if group.kind == "neural":
            origin = graph.neural_of(group).network
        elif group.kind == "open":
            assert group.key is not None
            origin = group.key[0]
        else:
            origin = graph.program.statements[int(group.statements[row])].label
        result.append(
            {
                "outcomes": [number[f] for f in facts],
                "probabilities": [min(1.0, max(0.0, tags[f])) for f in facts] if group.kind != "open" else [],
                "origin": origin,
                "kind": group.kind,
            }
        )
    return result


def nothing(atom: str, answers: Answers, hashes: dict[str, str]) -> Certificate:
    """The certificate of an atom that nothing derives."""
    facts = [{"atom": atom, "kind": "absent", "hidden": ""}]
    return Certificate(0, 0.0, answers.semantics, facts, [], [], [], hashes, **_spelling(answers))
