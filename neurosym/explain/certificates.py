"""The certificate: the ground subgraph that a claim rests on, with the probabilities of its leaves."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurosym.explain.model import Certificate, Provenance
from neurosym.grounding import CERTAIN, CoreRule, DerivationGraph
from neurosym.grounding.columns import expand
from neurosym.grounding.core import ForeignCall
from neurosym.reasoner import Answers
from neurosym.semantics import LogicBounds, Part, TopK, relevant_part
from neurosym.semantics.algebras.semirings import ABSORPTIVE
from neurosym.verify.atoms import split_atom
from neurosym.version import version

EACH = 20  # what a fact or grounding in words takes, in nodes of a circuit


def certificate(
    answers: Answers, fact: int, value: float, sample: int, hashes: dict[str, str], bounds: tuple[float, float]
) -> Certificate:
    """Everything that determines the tag of a fact: facts, choices, groundings and evidence, numbered from 0."""
    algebra = answers.algebra
    drop = algebra is None or (not isinstance(algebra, LogicBounds) and ABSORPTIVE in algebra.properties)
    part = _ground_part(answers, fact, drop)
    choices = choices_of(answers, part.number, sample)
    return Certificate(
        claim=part.number[fact],
        value=value,
        semantics=answers.semantics,
        facts=part.facts,
        choices=choices,
        groundings=part.groundings,
        evidence=[{"fact": part.number[f], "observed": v} for f, v in answers.evidence],
        hashes=hashes,
        foreign=part.foreign,
        bounds=bounds if isinstance(algebra, TopK) or any(c["kind"] == "open" for c in choices) else None,
        parts=part.parts,
        **spelling(answers),
    )


@dataclass(frozen=True)
class _GroundPart:
    """What certificates of one fact have in common, whatever the probabilities; named as in `Certificate`.

    Attributes:
        number: fact id → its number in the certificate.
    """

    number: dict[int, int]
    facts: list[dict[str, Any]]
    groundings: list[dict[str, Any]]
    foreign: list[str]
    parts: dict[str, tuple[int, str, int]]


def _ground_part(answers: Answers, fact: int, drop: bool) -> _GroundPart:
    """The ground program below a fact and the evidence; samples that share the graph share it."""
    kept, key = answers.grounded.kept, ("certificate", fact, answers.evidence, drop)
    found: _GroundPart | None = kept.get(key)
    if found is None:
        found = _spelled(answers.grounded.graph, [fact, *(f for f, _ in answers.evidence)], drop)
        if answers.inputs:
            kept.put(key, found, EACH * (len(found.facts) + len(found.groundings)))
    return found


def _spelled(graph: DerivationGraph, roots: list[int], drop: bool) -> _GroundPart:
    part = relevant_part(graph, np.array(roots, np.int32), drop)
    starts, at = _entries(graph.body_start, part.grounding)
    told, sign = graph.body[at], graph.sign[at]
    shown = np.concatenate([part.facts, told]).astype(np.int64)
    shown = shown[np.sort(np.unique(shown, return_index=True)[1])]  # each once, in the order in which they are met
    number = {f: k for k, f in enumerate(shown.tolist())}
    place = np.zeros(graph.num_facts, np.int64)
    place[shown] = np.arange(len(shown))
    body, negated = (_rows(starts, place[told], kept) for kept in (sign, ~sign))
    (absent,) = ragged(graph.absent_start, part.grounding, graph.absent)
    groundings: list[dict[str, Any]] = []
    seen: dict[tuple, int] = {}
    of = graph.rule[part.grounding].tolist()
    heads = place[graph.head[part.grounding]].tolist()
    rules = {k: graph.rules[k] for k in set(of)}
    labels = {k: rule_label(graph, rule) for k, rule in rules.items()}
    named = {k: (rule.statement, rule.part) for k, rule in rules.items()}  # several rules may be one part
    for rule_of, head, facts_of, opposed, missing in zip(of, heads, body, negated, absent, strict=True):
        # Substitutions that differ in built-ins only (`between`) look alike: once is enough, unless they are counted.
        key = (named[rule_of], head, -1, *facts_of, -1, *opposed)
        times = seen.get(key, 0) + 1
        if times > 1 and drop:
            continue
        seen[key] = times
        statement, name = named[rule_of]
        groundings.append(
            {
                "rule": labels[rule_of], "statement": statement, "part": name if times == 1 else f"{name} ({times})",
                "head": head, "body": facts_of, "negated": opposed,
                "absent": [_absent(graph, k) for k in missing] if missing else [],
            }
        )  # fmt: skip
    facts = _facts(graph, part, shown, drop)
    foreign = sorted({c.foreign.signature for rule in rules.values() for c in calls(rule)})
    parts = parts_used(graph, [f["atom"] for f in facts], [a for g in groundings for a in g["absent"]])
    return _GroundPart(number, facts, groundings, foreign, parts)


def _absent(graph: DerivationGraph, number: int) -> str:
    """An atom that no fact matches."""
    predicate, args = graph.absent_atoms[number]
    return graph.spell(graph.predicates[predicate], args)


def ragged(starts: NDArray[np.integer], rows: NDArray[np.integer], *columns: NDArray[Any]) -> list[list[list[Any]]]:
    """For each column the entries of each row, as lists: row r has those from starts[r] to starts[r + 1]."""
    begins, at = _entries(starts, rows)
    return [_rows(begins, column[at]) for column in columns]


def _entries(starts: NDArray[np.integer], rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of some rows are, one row after the other; row r has those from starts[r] to starts[r + 1].

    Returns:
        (m + 1,) offsets of the m rows into the second, and (e,) places.
    """
    sizes = (starts[rows + 1] - starts[rows]).astype(np.int64)
    _, at = expand(starts[rows].astype(np.int64), sizes)
    return np.concatenate([[0], np.cumsum(sizes)]), at


def _rows(
    starts: NDArray[np.int64], entries: NDArray[Any], kept: NDArray[np.bool_] | None = None
) -> list[list[Any]]:  # fmt: skip
    """(m + 1,) offsets and (e,) entries as m lists; `kept`: (e,) which of the entries."""
    if kept is not None:
        starts = np.concatenate([[0], np.cumsum(kept)])[starts]
        entries = entries[kept]
    flat, ends = entries.tolist(), starts.tolist()
    return [flat[a:b] for a, b in itertools.pairwise(ends)]


def _facts(graph: DerivationGraph, part: Part, shown: NDArray[np.int64], drop: bool) -> list[dict[str, Any]]:
    """The facts that are shown, with what kind each is."""
    given = graph.status[shown] == CERTAIN
    if not drop:
        place = np.minimum(np.searchsorted(part.facts, shown), len(part.facts) - 1)
        given &= part.given[place] | (part.facts[place] != shown)
    kinds = np.where(graph.choice[shown] >= 0, "leaf", np.where(given, "certain", "derived")).tolist()
    hidden = [graph.program.hidden.get(key, "") for key in graph.predicates]
    of = graph.predicate[shown].tolist()
    return [
        {"atom": atom, "kind": kind, "hidden": hidden[p]}
        for atom, kind, p in zip(graph.atoms(shown), kinds, of, strict=True)
    ]


def parts_used(graph: DerivationGraph, facts: list[str], absent: list[str]) -> dict[str, tuple[int, str, int]]:
    """The hidden predicates of some atoms, as they are spelled, and the part of a statement that each stands for."""
    names = {graph.program.notation.printer(graph.prefixes).predicate(k[0]): v for k, v in graph.program.parts.items()}
    if not names:
        return {}
    used = {split_atom(atom)[0] for atom in (*facts, *absent)}
    return {name: part for name, part in names.items() if name in used}


def spelling(answers: Answers) -> dict[str, Any]:
    """How atoms are spelled, and what could be asked about."""
    graph = answers.grounded.graph
    asked = any(group.kind == "neural" for group in graph.choices)
    return {
        "prefixes": dict(graph.prefixes),
        "inputs": sorted(answers.inputs),
        "triples": graph.program.triple_mode,
        "closed": bool(graph.program.neural) and not asked,
    }


def calls(rule: CoreRule) -> list[ForeignCall]:
    """The literals of a rule that Python functions answer."""
    return [x for x in rule.body if isinstance(x, ForeignCall)]


def rule_label(graph: DerivationGraph, rule: CoreRule) -> str:
    """The name of a rule, or of the declaration that makes a predicate open."""
    if rule.part == "open":
        return f"{rule.heads[0][0].key[0]} is open"
    return graph.program.statements[rule.statement].label


def choices_of(answers: Answers, number: dict[int, int], sample: int) -> list[dict[str, Any]]:
    """The choices whose outcomes are among the facts."""
    graph = answers.grounded.graph
    outcomes: dict[int, list[int]] = {}
    shown = np.array(list(number), np.int64)
    leaves = shown[graph.choice[shown] >= 0]
    for f, choice in zip(leaves.tolist(), graph.choice[leaves].tolist(), strict=True):
        outcomes.setdefault(choice, []).append(f)
    said = answers.leaf_tags[sample].detach()[torch.from_numpy(leaves)].clamp(0, 1).tolist()
    tags = dict(zip(leaves.tolist(), said, strict=True))
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
                "probabilities": [tags[f] for f in facts] if group.kind != "open" else [],
                "origin": origin,
                "kind": group.kind,
            }
        )
    return result


def hashes_of(answers: Answers) -> dict[str, str]:
    """SHA-256 of the rules, facts and weights behind some answers."""
    reasoner = answers.reasoner
    assert reasoner is not None
    return {
        "rules": reasoner.rules_sha256(),
        "facts": answers.grounded.leaves.facts.sha256(),
        "weights": answers.weights_sha256(),
    }


def provenance(answers: Answers, hashes: dict[str, str]) -> Provenance:
    """What was asked, of whom and when."""
    assert answers.reasoner is not None
    return Provenance(
        version(), hashes["rules"], hashes["facts"], hashes["weights"],
        datetime.now(UTC).isoformat(timespec="seconds"), answers.reasoner.seed,
    )  # fmt: skip


def nothing(atom: str, answers: Answers, hashes: dict[str, str]) -> Certificate:
    """The certificate of an atom that nothing derives."""
    facts = [{"atom": atom, "kind": "absent", "hidden": ""}]
    return Certificate(0, 0.0, answers.semantics, facts, [], [], [], hashes, **spelling(answers))
