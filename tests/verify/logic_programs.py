"""Random programs with constraints and open predicates: their certificates, and ways to change them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.verify import Given
from neurosym.verify.logic import read_logic, recompute_logic
from neurosym.verify.rules.trees import unit_trees
from neurosym.verify.structure import read_structure

Certificate = dict[str, Any]
NAMES = "abc"
CLOSED = ("p", "q", "r")
OPEN = ("u", "v", "w")


def random_program(random: Random) -> str:
    """Facts, certain and not, rules, constraints with and without weights, and observations."""
    lines = (
        [f"pred {o}(x: symbol) open ." for o in OPEN]
        + [f"pred {c}(x: symbol) ." for c in CLOSED]
        + ["pred e(x: {a, b, c}) open . pred s open . dom(a). dom(b)."]
    )
    for p in CLOSED[:2]:
        for name in NAMES:
            kind = random.random()
            if kind < 0.7:
                lines.append(f"{p}({name})." if kind < 0.35 else f"{random.randint(1, 9) / 10} :: {p}({name}).")
    for _ in range(random.randrange(3)):
        weight = random.choice(("", "0.8 :: ", "0.6 :: "))
        literals = [_literal(random, random.choice(("p", "q", "u", "v", "e"))) for _ in range(random.randint(0, 2))]
        body = ", ".join(literals)
        lines.append(f"{weight}{random.choice(('r(X)', 'r(X)', 'w(X)'))} :- dom(X){', ' + body if body else ''}.")
    for k in range(random.randint(1, 4)):
        weight = random.choice(("", "", " weight 0.9", " weight 0.7"))
        lines.append(f"constraint c{k}{weight} : {_sentence(random)} .")
    if random.random() < 0.3:
        lines.append(f"forbid f : {random.choice('pq')}(X), {_literal(random, random.choice('uvw'))} .")
    if random.random() < 0.3:
        lines.append(f"evidence({random.choice(('u(a)', 'r(a)', 'e(b)', 's'))}, {random.choice(('true', 'false'))}).")
    return "\n".join(lines) + "\n"


def _literal(random: Random, predicate: str, variable: str = "X") -> str:
    return f"{'not ' if random.random() < 0.3 else ''}{predicate}({variable})"


def _formula(random: Random, depth: int, variable: str) -> str:
    if depth == 0 or random.random() < 0.2:
        if random.random() < 0.1:
            return "s"
        return _literal(random, random.choice((*CLOSED, *OPEN, "e")), variable)
    op = random.choice(("and", "or", "implies", "iff"))
    return f"({_formula(random, depth - 1, variable)} {op} {_formula(random, depth - 1, variable)})"


def _sentence(random: Random) -> str:
    guard = random.choice(("p(X)", "dom(X)", "q(X) and dom(X)", "u(X)"))
    kind = random.random()
    if kind < 0.6:
        return f"{guard} implies {_formula(random, 2, 'X')}"
    if kind < 0.75:
        inner = random.choice(("dom(Y) and u(Y)", "e(Y)", "p(Y) and v(Y)", "v(Y)"))
        return f"{guard} implies ({_formula(random, 1, 'X')} or exists Y: ({inner}))"
    if kind < 0.85:
        return f"s iff forall Y: (dom(Y) implies {_formula(random, 1, 'Y')})"
    return f"exists Y: (dom(Y) and {_formula(random, 1, 'Y')})"


def answers_of(text: str) -> ns.Answers:
    """The bounds of all atoms that the program speaks of."""
    reasoner = ns.Reasoner(ns.Program.from_text(text, "random.rules"), semantics="bounds")
    asked = [f"{p}(X)" for p in OPEN] + ["e(X)", "s"] + (["r(X)"] if "r(X) :-" in text else [])
    return reasoner.query(*asked)


@cache
def explained(seed: int) -> list[tuple[Certificate, Given]]:
    """Certificates of a random program's answers, as JSON gives them back."""
    text = random_program(Random(seed))
    answers = answers_of(text)
    assert answers.reasoner is not None
    made = []
    for atom in answers.atoms:
        data = json.loads(ns.explain(answers, atom, contributions=False).to_json())["certificate"]
        made.append((data, Given(answers.reasoner.program, evidence=(), operands=((), ()))))
    return made


Way = Callable[[Certificate, Random], bool]


def copied(certificate: Certificate) -> Certificate:
    """A certificate to be changed."""
    return copy.deepcopy(certificate)


# --------------------------------------------------------------------------------------- to look like nothing happened


def settled(certificate: Certificate) -> Certificate:
    """The certificate with the bounds that follow from it, as far as some do, after as many passes as it takes."""
    certificate = copied(certificate)
    try:
        certificate["logic"]["settings"]["rounds"] = certificate["logic"]["settings"]["max_rounds"]
        found = read_structure(certificate, 10_000, 10_000)
        logic = read_logic(certificate["logic"], found, 10_000)
        _, bounds = recompute_logic(found, logic, 10_000_000)
    except ExplanationError:
        return certificate
    return {**certificate, "bounds": list(bounds), "value": sum(bounds) / 2}


def collected(certificate: Certificate) -> Certificate:
    """The certificate without what nothing leads from the claim to, in either direction."""
    made = copied(certificate)
    count, logic = len(made["facts"]), made["logic"]
    groups = [[count + n, *u["children"]] for n, u in enumerate(logic["units"])]
    groups += [[g["head"], *g["body"], *g["negated"]] for g in made["groundings"]]
    seen = {made["claim"]}
    while any(seen.intersection(g) and not seen.issuperset(g) for g in groups):
        for group in groups:
            if seen.intersection(group):
                seen.update(group)
    asserted = {a["unit"] for a in logic["asserted"]}
    above: dict[int, list[int]] = {}
    for group in groups[: len(logic["units"])]:
        for child in group[1:]:
            above.setdefault(child, []).append(group[0])
    live = set(asserted)
    for number in reversed(range(count + len(logic["units"]))):
        if live.intersection(above.get(number, ())):
            live.add(number)
    keep = [n for n in range(count + len(logic["units"])) if n in seen and (n < count or n in live)]
    new = {n: k for k, n in enumerate(keep)}
    made["facts"] = [made["facts"][n] for n in keep if n < count]
    made["claim"] = new[made["claim"]]
    logic["units"] = [
        {**u, "children": [new[c] for c in u["children"]]} for n, u in enumerate(logic["units"]) if count + n in new
    ]
    logic["asserted"] = [{**a, "unit": new[a["unit"]]} for a in logic["asserted"] if a["unit"] in new]
    logic["weights"] = [new[w] for w in logic["weights"] if w in new]
    made["evidence"] = [{**e, "fact": new[e["fact"]]} for e in made["evidence"] if e["fact"] in new]
    made["groundings"] = [
        {**g, "head": new[g["head"]], "body": [new[f] for f in g["body"]], "negated": [new[f] for f in g["negated"]]}
        for g in made["groundings"] if g["head"] in new
    ]  # fmt: skip
    rows = []
    for choice in made["choices"]:
        pairs = [(new[f], p) for f, p in zip(choice["outcomes"], choice["probabilities"], strict=True) if f in new]
        if pairs:
            rows.append({**choice, "outcomes": [f for f, _ in pairs], "probabilities": [p for _, p in pairs]})
    made["choices"] = rows
    return made


def canonical(certificate: Certificate) -> tuple[Any, ...]:
    """What a certificate says, whatever the order in which it does."""
    found = read_structure(certificate, 10_000, 10_000)
    logic = read_logic(certificate["logic"], found, 10_000)
    trees = unit_trees(logic, [((a, 0), ()) for a in found.atoms], 100_000)
    asserted = {
        (a.constraint, a.least, None if a.instance is None else tuple(sorted(a.instance.items())), repr(trees(a.unit)))
        for a in logic.asserted
    }
    names = found.atoms
    rules = sorted(
        (g.rule, names[g.head], tuple(sorted(names[f] for f in g.body)), tuple(sorted(names[f] for f in g.negated)),
         tuple(sorted(g.absent)), names[next((f for f in g.body if f in logic.weights), 0)] if logic.weights else "")
        for g in found.groundings
    )  # fmt: skip
    leaves = sorted((names[f], p) for c in found.choices for f, p in zip(c.outcomes, c.probabilities, strict=True))
    return (
        sorted(zip(names, found.kinds, strict=True)), names[found.claim], sorted(asserted, key=repr), rules, leaves,
        sorted((names[f], v) for f, v in found.evidence.items()),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ ways to tamper


def _pick(random: Random, rows: list[Any]) -> Any:
    return random.choice(rows) if rows else None


def leaf_truth(certificate: Certificate, random: Random) -> bool:
    choice = _pick(random, certificate["choices"])
    if choice is None:
        return False
    choice["probabilities"][0] = round(random.random(), 2)
    return True


def constraint_weight(certificate: Certificate, random: Random) -> bool:
    row = _pick(random, certificate["logic"]["asserted"])
    if row is None:
        return False
    row["least"] = random.choice((0.0, 0.5, 0.8, 1.0, row["least"] - 1e-3))
    return True


def other_constraint(certificate: Certificate, random: Random) -> bool:
    rows = certificate["logic"]["asserted"]
    one, other = _pick(random, rows), _pick(random, rows)
    if one is None:
        return False
    one["constraint"], one["label"] = other["constraint"], other["label"]
    return True


def asserted_unit(certificate: Certificate, random: Random) -> bool:
    row = _pick(random, certificate["logic"]["asserted"])
    if row is None:
        return False
    row["unit"] = random.randrange(len(certificate["facts"]) + len(certificate["logic"]["units"]))
    return True


def other_instance(certificate: Certificate, random: Random) -> bool:
    row = _pick(random, [a for a in certificate["logic"]["asserted"] if a["instance"]])
    if row is None:
        return False
    row["instance"][next(iter(row["instance"]))] = random.choice(NAMES)
    return True


def dropped_formula(certificate: Certificate, random: Random) -> bool:
    rows = certificate["logic"]["asserted"]
    if not rows:
        return False
    del rows[random.randrange(len(rows))]
    return True


def dropped_operand(certificate: Certificate, random: Random) -> bool:
    unit = _pick(random, [u for u in certificate["logic"]["units"] if len(u["children"]) > 1])
    if unit is None:
        return False
    del unit["children"][random.randrange(len(unit["children"]))]
    return True


def other_operand(certificate: Certificate, random: Random) -> bool:
    unit = _pick(random, [u for u in certificate["logic"]["units"] if u["children"]])
    if unit is None:
        return False
    unit["children"][random.randrange(len(unit["children"]))] = random.randrange(len(certificate["facts"]))
    return True


def turned_operands(certificate: Certificate, random: Random) -> bool:
    unit = _pick(random, [u for u in certificate["logic"]["units"] if len(u["children"]) > 1])
    if unit is None:
        return False
    unit["children"].reverse()
    return True


def unit_kind(certificate: Certificate, random: Random) -> bool:
    unit = _pick(random, certificate["logic"]["units"])
    if unit is None:
        return False
    swap = {"and": "or", "or": "and", "implies": "iff", "iff": "implies", "forall": "exists", "exists": "forall",
            "not": "and", "true": "false", "false": "true"}  # fmt: skip
    unit["kind"] = swap[unit["kind"]]
    return True


def exhaustive(certificate: Certificate, random: Random) -> bool:
    unit = _pick(random, [u for u in certificate["logic"]["units"] if "exhaustive" in u])
    if unit is None:
        return False
    unit["exhaustive"] = not unit["exhaustive"]
    return True


def fact_kind(certificate: Certificate, random: Random) -> bool:
    fact = random.choice(certificate["facts"])
    fact["kind"] = random.choice([k for k in ("certain", "derived", "open", "leaf", "absent") if k != fact["kind"]])
    return True


def fact_name(certificate: Certificate, random: Random) -> bool:
    fact = random.choice(certificate["facts"])
    if fact is certificate["facts"][certificate["claim"]]:
        return False  # another claim, which may be as true
    if fact["hidden"] or "(" not in fact["atom"]:
        return False
    name, rest = fact["atom"].split("(")
    fact["atom"] = random.choice((f"{random.choice((*CLOSED, *OPEN))}({rest}", f"{name}({random.choice('abcz')})"))
    return True


def dropped_grounding(certificate: Certificate, random: Random) -> bool:
    rows = certificate["groundings"]
    if not rows:
        return False
    del rows[random.randrange(len(rows))]
    return True


def turned_literal(certificate: Certificate, random: Random) -> bool:
    row = _pick(random, [g for g in certificate["groundings"] if g["body"] or g["negated"]])
    if row is None:
        return False
    one, other = ("body", "negated") if row["body"] else ("negated", "body")
    row[other].append(row[one].pop())
    return True


def rule_weight(certificate: Certificate, random: Random) -> bool:
    weights = certificate["logic"]["weights"]
    if not weights:
        return False
    del weights[random.randrange(len(weights))]
    return True


def evidence(certificate: Certificate, random: Random) -> bool:
    rows = certificate["evidence"]
    if rows and random.random() < 0.7:
        rows[0]["observed"] = not rows[0]["observed"]
        if random.random() < 0.5:
            rows.clear()
    else:
        rows.append({"fact": random.randrange(len(certificate["facts"])), "observed": random.random() < 0.5})
    return True


def claim_numbers(certificate: Certificate, random: Random) -> bool:
    end = random.randrange(3)
    if end == 2:
        certificate["value"] += random.choice((-1, 1)) * random.choice((2e-6, 0.1))
    else:
        certificate["bounds"][end] += random.choice((-1, 1)) * random.choice((2e-6, 0.1))
    return True


def coefficient(certificate: Certificate, random: Random) -> bool:
    logic = certificate["logic"]
    units = [u for u in logic["units"] if u["kind"] in ("and", "or", "implies")]
    if not units:
        return False
    logic["settings"]["learned"] = True
    for unit in units:
        unit |= {"weights": [1.0] * len(unit["children"]), "bias": 1.0}
    unit = random.choice(units)
    if random.random() < 0.5:
        unit["bias"] = round(random.random() * 2, 2)
    else:
        unit["weights"][0] = round(random.random() * 2, 2)
    return True


WAYS: dict[str, Way] = {
    way.__name__: way
    for way in (
        leaf_truth, constraint_weight, other_constraint, asserted_unit, other_instance, dropped_formula,
        dropped_operand, other_operand, turned_operands, unit_kind, exhaustive, fact_kind, fact_name,
        dropped_grounding, turned_literal, rule_weight, evidence, claim_numbers, coefficient,
    )
}  # fmt: skip
