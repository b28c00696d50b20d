"""Small certificates written as text, and the enumeration of all worlds that says what they are worth.

A line is `head :- a, b, \\+ c.`, `0.4 :: a; 0.6 :: b.` (one choice), or `a.` (certain).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import product
from typing import Any

DIGEST = hashlib.sha256(b"").hexdigest()


def certificate(
    text: str, claim: str, value: float = 0.0, evidence: Mapping[str, bool] | None = None, semantics: str = "exact"
) -> dict[str, Any]:
    """The certificate of a small ground program; its value is the one that is given."""
    kinds: dict[str, str] = {}
    choices: list[tuple[list[str], list[float]]] = []
    rules: list[tuple[str, list[str], list[str]]] = []
    for line in filter(None, (line.strip().removesuffix(".") for line in text.split("\n"))):
        if "::" in line:
            heads = [part.split("::") for part in line.split(";")]
            names, weights = [h[1].strip() for h in heads], [float(h[0]) for h in heads]
            choices.append((names, weights))
            kinds.update(dict.fromkeys(names, "leaf"))
        elif ":-" in line:
            head, body = (part.strip() for part in line.split(":-"))
            literals = [part.strip() for part in body.split(" , ")] if " , " in body else split(body)
            positive = [a for a in literals if not a.startswith("\\+")]
            negative = [a[2:].strip() for a in literals if a.startswith("\\+")]
            rules.append((head, positive, negative))
            kinds.setdefault(head, "derived")
        else:
            kinds[line] = "certain"
    number = {name: k for k, name in enumerate(kinds)}
    return {
        "claim": number[claim],
        "value": value,
        "semantics": semantics,
        "facts": [{"atom": name, "kind": kind, "hidden": ""} for name, kind in kinds.items()],
        "choices": [
            {"outcomes": [number[n] for n in names], "probabilities": weights, "origin": "net", "kind": "neural"}
            for names, weights in choices
        ],
        "groundings": [
            {
                "rule": f"r{k}", "part": "", "head": number[head], "body": [number[a] for a in body],
                "negated": [number[a] for a in negated], "absent": [],
            }
            for k, (head, body, negated) in enumerate(rules)
        ],
        "evidence": [{"fact": number[name], "observed": holds} for name, holds in (evidence or {}).items()],
        "hashes": {"rules": DIGEST, "facts": DIGEST, "weights": DIGEST},
        "format": "neurosym-certificate/1",
    }  # fmt: skip


def split(body: str) -> list[str]:
    """Literals of a body, commas inside parentheses left alone."""
    parts, depth = [""], 0
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def worlds(certificate: Mapping[str, Any]) -> float | None:
    """The claim's probability given the evidence, by going through every world; None if the evidence is impossible."""
    options = []
    for choice in certificate["choices"]:
        rest = 1 - sum(choice["probabilities"])
        options.append([*zip(choice["outcomes"], choice["probabilities"], strict=True), (None, rest)])
    joint = total = 0.0
    for world in product(*options):
        weight = 1.0
        for _, probability in world:
            weight *= probability
        if weight <= 1e-300:
            continue
        true = model(certificate, {fact for fact, _ in world if fact is not None})
        if all((e["fact"] in true) == e["observed"] for e in certificate["evidence"]):
            total += weight
            joint += weight * (certificate["claim"] in true)
    return joint / total if total > 1e-12 else None


def model(certificate: Mapping[str, Any], chosen: set[int]) -> set[int]:
    """The perfect model of a world: facts are settled level by level, negation looks at lower levels only."""
    facts, groundings = certificate["facts"], certificate["groundings"]
    level = [0] * len(facts)
    for _ in range(len(facts) + 1):
        for g in groundings:
            below = [level[f] for f in g["body"]] + [level[f] + 1 for f in g["negated"]]
            level[g["head"]] = max([level[g["head"]], *below])
    true = chosen | {k for k, fact in enumerate(facts) if fact["kind"] == "certain"}
    for now in sorted(set(level)):
        changed = True
        while changed:
            changed = False
            for g in groundings:
                fires = true.issuperset(g["body"]) and not true & set(g["negated"])
                if fires and level[g["head"]] == now and g["head"] not in true:
                    true.add(g["head"])
                    changed = True
    return true
