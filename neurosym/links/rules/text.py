"""Rule sets as rule files that an expert reads, edits and gives back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import combinations, islice
from pathlib import Path

from neurosym.lang import spell, spell_predicate
from neurosym.links.graph import TripleGraph
from neurosym.links.names import predicate_of, term_of
from neurosym.links.rules.ruleset import Rule, RuleSet

LIKELY, BODY, NAME = "likely_", "body_", "mined_"
RECORD = ".offered"

_PREAMBLE = """\
% Rules learned from a graph. Change a weight, delete a rule, or write another one of this form, and give the file back:
% what is deleted stays deleted. A prediction has a predicate of its own (`likely_…`), so that no rule rests on another.
% Distinct variables take distinct entities.
"""


def key_of(rule: Rule) -> str:
    """Ten hexadecimal digits that stand for the rule, whatever its counts and its weight."""
    text = repr((rule.head, rule.body, rule.head_entity, rule.body_entity))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def rule_text(rule: Rule, counterexamples: Iterable[tuple[str, str]] = ()) -> str:
    """One rule as two statements: when its body holds, and what that makes likely.

    The body has a statement of its own because a weight counts once for each grounding of all variables of its rule,
    and here it shall count once for each pair.
    """
    key = key_of(rule)
    constant = rule.head_entity is not None
    variables = ["X", *(f"V{i}" for i in range(1, len(rule.body))), "Y" if not constant else f"V{len(rule.body)}"]
    if rule.body_entity is not None:
        variables.pop()
    ends = [*variables, *([_constant(rule.body_entity)] if rule.body_entity is not None else [])]
    literals = [_atom(predicate_of(r[0]), ends[i], ends[i + 1], r[1]) for i, r in enumerate(rule.body)]
    constants = dict.fromkeys(_constant(c) for c in (rule.head_entity, rule.body_entity) if c is not None)
    literals += [f"{a} \\= {b}" for a, b in combinations([*variables, *constants], 2) if a in variables]
    shared = "?X" if constant else "?X, ?Y"
    second = _constant(rule.head_entity) if rule.head_entity is not None else "?Y"
    holding = round(rule.support / rule.coverage) if rule.coverage > 0 else 0
    counted = f"mined: {rule.support} of {rule.body_count}, head coverage {rule.coverage:.4f} (of {holding})"
    if not rule.support and not rule.body_count:
        counted = "not mined, and never counted"
    refuted = "; ".join(f"{spell(term_of(a))}, {spell(term_of(b))}" for a, b in counterexamples)
    lines = [f"% but not for {_comment(refuted)}"] if refuted else []
    return "\n".join(
        [
            *lines,
            f"{BODY}{key}({shared.replace('?', '')}) :- {', '.join(literals)} .",
            f"rule {NAME}{key}",
            f"  weight {spell(float(rule.confidence))}",
            f'  source "{counted}"',
            f"  if   {BODY}{key}({shared})",
            f"  then {_atom(LIKELY + rule.head[0], '?X', second, rule.head[1])} .",
            "",
        ]
    )


def write_rules(rules: RuleSet, graph: TripleGraph, path: str | Path, counterexamples: int = 3) -> None:
    """Write a rule file, and beside it (`FILE.offered`) the record of all that was ever offered in it.

    Args:
        rules: in the order in which they shall stand.
        graph: whose pairs are shown where a rule's body holds and its head does not.
        path: of the file.
        counterexamples: for each rule, at most.
    """
    from neurosym.links.rules.refute import Refuter

    path = Path(path)
    refuter = Refuter(graph)
    used = {name for rule in rules for name, _ in rule.body}
    declarations = [f"pred {spell_predicate(predicate_of(name))}(from: any, to: any) ." for name in sorted(used)]
    chunks = [_PREAMBLE, "\n".join(declarations) + "\n"]
    record = read_record(path)
    for rule, offered in zip(rules, rules.mined.tolist(), strict=True):
        chunks.append(rule_text(rule, islice(refuter.refute(rule), counterexamples)))
        record[key_of(rule)] = offered  # not its weight, which may be the expert's by now
    path.write_text("\n".join(chunks), encoding="utf-8")
    lines = (f"{key} {confidence!r}\n" for key, confidence in sorted(record.items()))
    Path(f"{path}{RECORD}").write_text("".join(lines), encoding="utf-8")


def read_record(path: str | Path) -> dict[str, float]:
    """What was offered in a rule file so far: key → the confidence that mining gave. Empty without a record."""
    record = Path(f"{path}{RECORD}")
    if not record.exists():
        return {}
    pairs: Iterator[list[str]] = (line.split() for line in record.read_text(encoding="utf-8").splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}


def _constant(name: str | None) -> str:
    return spell(term_of(name or ""))


def _atom(predicate: str, left: str, right: str, backwards: bool) -> str:
    left, right = (right, left) if backwards else (left, right)
    return f"{spell_predicate(predicate)}({left}, {right})"


def _comment(text: str) -> str:
    """A comment ends with its line."""
    return " ".join(text.split())
