"""Programs whose certificates are tampered with, and the ways to do so.

Who tampers is not stupid: the claimed number is made to follow again, and what nothing leads to any more is removed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import torch

import neurosym as ns
from neurosym.errors import ExplanationError
from neurosym.neural import FeatureTable
from neurosym.verify import Given
from neurosym.verify.algebras import recompute_algebra
from neurosym.verify.exact import recompute_exact
from neurosym.verify.structure import read_structure

Certificate = dict[str, Any]

PROGRAMS = {
    "negation": (
        "0.3 :: wet(a). 0.4 :: wet(b). 0.6 :: cold(b). road(a). road(b). road(c). salted(c).\n"
        "icy(X) :- road(X), wet(X), not salted(X), not cold(X). icy(X) :- road(X), cold(X), not salted(X).\n"
        "safe :- not icy(a), not icy(b), not icy(c).",
        "safe",
    ),
    "recursion": (
        "0.5 :: edge(a, b). 0.4 :: edge(b, c). 0.3 :: edge(a, c). 0.7 :: edge(c, d). edge(d, b). edge(x, y).\n"
        "path(X, Y) :- edge(X, Y). path(X, Y) :- edge(X, Z), path(Z, Y).",
        "path(a, d)",
    ),
    "aggregates": (
        "0.5 :: cost(a, 3). 0.4 :: cost(b, 2). 0.6 :: cost(c, 4). cost(d, 1). limit(5).\n"
        "dear :- N = sum{ C, X : cost(X, C) }, limit(L), N > L. many :- count{ X : cost(X, _) } >= 3.\n"
        "least(M) :- M = min{ C : cost(X, C), C > 1 }. both :- dear, many. both :- least(2), many.",
        "both",
    ),
    "disjunction": (
        "coin(c1). coin(c2). 0.4 :: heads(C); 0.5 :: tails(C) :- coin(C).\n0.2 :: bent(c1).\n"
        "win :- heads(c1), tails(c2). win :- heads(c2), bent(c1). win :- heads(c1), heads(c2), not bent(c1).",
        "win",
    ),
    "exceptions": (
        "rule risk weight 0.6 if patient(?p) and old(?p) then risk(?p).\n"
        "rule treated exception to risk weight 0.5 if drug(?p, ?d) and works(?d).\n"
        "rule sure if risk(?p) and not calm(?p) then alarm.\n"
        "patient(p1). patient(p2). old(p1). old(p2). drug(p1, d1). drug(p1, d2). works(d1). 0.8 :: works(d2).\n"
        "0.1 :: calm(p1). calm(p3).",
        "alarm",
    ),
    "arithmetic": (
        "0.3 :: roll(1, 3). 0.4 :: roll(2, 4). 0.5 :: roll(3, 1). 0.2 :: roll(4, 6). bonus(2).\n"
        "total(S) :- roll(I, A), roll(J, B), I < J, bonus(N), S is A + B + N.\n"
        "high :- total(S), S > 6. high :- between(1, 4, I), roll(I, V), V * 2 >= 12.",
        "high",
    ),
    "evidence": (
        "0.1 :: burglary. 0.2 :: quake. 0.7 :: alarm :- burglary, not quake. 0.9 :: alarm :- burglary, quake.\n"
        "0.3 :: alarm :- quake. 0.8 :: calls(X) :- alarm, neighbour(X). neighbour(john). neighbour(mary).\n"
        "evidence(calls(john), true). evidence(calls(mary), false).",
        "burglary",
    ),
    "groups": (
        "0.5 :: b(a). 0.3 :: b(c). q(a). q(c). r(a, x). 0.6 :: r(c, y). s(x).\n"
        "t(0.4) :: strong(X) :- b(X), exists{ r(X, Y), not s(Y) }.\nt(0.7) :: strong(X) :- b(X), not (r(X, Y), s(Y)).\n"
        "all :- forall{ q(X) : (strong(X) ; b(X)) }.",
        "all",
    ),
    "networks": (
        "neural colour(x: symbol, c: {red, green, blue}) by net . thing(t1). thing(t2). 0.9 :: lamp(on).\n"
        "rule same weight 0.8 if thing(?x) and thing(?y) and ?x != ?y and colour(?x, ?c) and colour(?y, ?c)\n"
        "  and lamp(on) then match. match :- colour(t1, red), not colour(t2, blue).",
        "match",
    ),
    "counted": (
        "0.5 :: e(a, b). 0.4 :: e(b, d). 0.6 :: e(a, c). e(c, d). e(d, f). e(x, y).\n"
        "p(X, Y) :- e(X, Y). p(X, Y) :- e(X, Z), p(Z, Y).\n"
        "far :- p(a, Y), not p(Y, x). far :- between(1, 2, _), e(c, d).",
        "far",
    ),
}  # fmt: skip
SEMANTICS = {"counted": "sum-product"}  # where each grounding matters; the others are exact


class Net(torch.nn.Module):
    """Logits from two numbers."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows, rows.sum(1, keepdim=True)], dim=1).double()


@cache
def explained(name: str) -> tuple[Certificate, Given, ns.Answers]:
    """The certificate of a program's claim as JSON gives it back, what to check it against, and the answers."""
    text, claim = PROGRAMS[name]
    program = ns.Program.from_text(text, f"{name}.rules")
    table = FeatureTable(["t1", "t2"], torch.tensor([[0.5, -0.3], [0.1, 0.9]]), ["u", "v"])
    networks, features = ({"net": Net()}, {"symbol": table}) if name == "networks" else ({}, {})
    reasoner = ns.Reasoner(program, None, networks, features, SEMANTICS.get(name, "exact"))
    answers = reasoner.query(claim)
    certificate = json.loads(ns.explain(answers, claim, contributions=False).to_json())["certificate"]
    return certificate, Given(program, weights=reasoner.statement_weights()), answers


# --------------------------------------------------------------------------------------- to look like nothing happened


def settled(certificate: Certificate) -> Certificate:
    """The certificate with the number that follows from it, as far as one does."""
    try:
        program = read_structure(certificate, 10_000, 10_000)
        exact = program.semantics == "exact"
        made = recompute_exact(program, 1_000_000) if exact else recompute_algebra(program, 1000)
    except ExplanationError:
        return certificate
    return {**certificate, "value": made.value}


def collected(certificate: Certificate) -> Certificate:
    """The certificate without facts, groundings and choices that neither the claim nor the observations rest on."""
    groundings = certificate["groundings"]
    stack = [certificate["claim"], *(e["fact"] for e in certificate["evidence"])]
    seen = set(stack)
    while stack:
        head = stack.pop()
        for g in groundings:
            if g["head"] == head:
                for f in (*g["body"], *g["negated"]):
                    if f not in seen:
                        seen.add(f)
                        stack.append(f)
    new = {f: k for k, f in enumerate(sorted(seen))}
    made = copy.deepcopy(certificate)
    made["facts"] = [certificate["facts"][f] for f in sorted(seen)]
    made["claim"] = new[certificate["claim"]]
    made["evidence"] = [{**e, "fact": new[e["fact"]]} for e in certificate["evidence"]]
    made["groundings"] = [
        {**g, "head": new[g["head"]], "body": [new[f] for f in g["body"]], "negated": [new[f] for f in g["negated"]]}
        for g in groundings if g["head"] in seen
    ]  # fmt: skip
    made["choices"] = []
    for choice in certificate["choices"]:
        pairs = zip(choice["outcomes"], choice["probabilities"], strict=True)
        kept = [(new[f], p) for f, p in pairs if f in seen]
        if kept:
            outcomes, probabilities = map(list, zip(*kept, strict=True))
            made["choices"].append({**choice, "outcomes": outcomes, "probabilities": probabilities})
    return made


def canonical(certificate: Certificate) -> tuple:
    """What a certificate says, whatever the order and the numbers in which it says it."""
    atoms = [f["atom"] for f in certificate["facts"]]

    def named(facts: list[int]) -> tuple[str, ...]:
        return tuple(sorted(atoms[f] for f in facts))

    groundings = {
        (g["rule"], g["statement"], g["part"], atoms[g["head"]], named(g["body"]), named(g["negated"]),
         tuple(sorted(g["absent"]))) for g in certificate["groundings"]
    }  # fmt: skip
    choices = {
        (
            c["origin"],
            c["kind"],
            frozenset((atoms[f], p) for f, p in zip(c["outcomes"], c["probabilities"], strict=True)),
        )
        for c in certificate["choices"]
    }
    facts = {(f["atom"], f["kind"]) for f in certificate["facts"]}
    observed = {(atoms[e["fact"]], e["observed"]) for e in certificate["evidence"]}
    rest = tuple(json.dumps(certificate[k], sort_keys=True) for k in ("hashes", "parts", "semantics", "prefixes"))
    return atoms[certificate["claim"]], facts, groundings, choices, observed, rest


# ------------------------------------------------------------------------------------------------ ways to tamper


def _grounding(c: Certificate, random: Random, having: str = "rule") -> dict[str, Any] | None:
    found = [g for g in c["groundings"] if g[having]]
    return random.choice(found) if found else None


def leaf_probability(c: Certificate, random: Random) -> bool:
    choice = random.choice(c["choices"])
    k = random.randrange(len(choice["outcomes"]))
    room = 1 - sum(choice["probabilities"]) + choice["probabilities"][k]
    choice["probabilities"][k] = random.uniform(0, max(0.0, room))
    return True


def rule_weight(c: Certificate, random: Random) -> bool:
    """The same factor wherever a rule chooses."""
    origin, factor = random.choice(c["choices"])["origin"], random.uniform(0.1, 0.95)
    for choice in c["choices"]:
        if choice["origin"] == origin:
            choice["probabilities"] = [p * factor for p in choice["probabilities"]]
    return True


def claimed_number(c: Certificate, random: Random) -> bool:
    c["value"] = random.choice([random.random(), c["value"] + random.choice([-1, 1]) * 1e-5, 1 - c["value"]])
    return True


def atom_text(c: Certificate, random: Random) -> bool:
    fact = random.choice(c["facts"])
    names = [other["atom"] for other in c["facts"] if other is not fact]
    letters = [k for k, character in enumerate(fact["atom"]) if character.isalnum()]
    k = random.choice(letters)
    changed = fact["atom"][:k] + random.choice("abcxyz1234") + fact["atom"][k + 1 :]
    fact["atom"] = random.choice([changed, changed, random.choice(names)] if names else [changed])
    return True


def exchanged_atoms(c: Certificate, random: Random) -> bool:
    if len(c["facts"]) < 2:
        return False
    one, two = random.sample(c["facts"], 2)
    one["atom"], two["atom"] = two["atom"], one["atom"]
    one["hidden"], two["hidden"] = two["hidden"], one["hidden"]
    return True


def dropped_grounding(c: Certificate, random: Random) -> bool:
    if not c["groundings"]:
        return False
    c["groundings"].pop(random.randrange(len(c["groundings"])))
    return True


def added_grounding(c: Certificate, random: Random) -> bool:
    heads = [k for k, f in enumerate(c["facts"]) if f["kind"] == "derived"]
    like = _grounding(c, random)
    if not heads or like is None:
        return False
    body = random.sample(range(len(c["facts"])), random.randint(0, min(3, len(c["facts"]))))
    cut = random.randint(0, len(body))
    c["groundings"].append({**like, "head": random.choice(heads), "body": body[:cut], "negated": body[cut:]})
    return True


def redirected_literal(c: Certificate, random: Random) -> bool:
    g = _grounding(c, random, "body")
    if g is None:
        return False
    g["body"][random.randrange(len(g["body"]))] = random.randrange(len(c["facts"]))
    return True


def redirected_head(c: Certificate, random: Random) -> bool:
    g = _grounding(c, random)
    heads = [k for k, f in enumerate(c["facts"]) if f["kind"] == "derived"]
    if g is None or not heads:
        return False
    g["head"] = random.choice(heads)
    return True


def dropped_literal(c: Certificate, random: Random) -> bool:
    side = random.choice(["body", "negated"])
    g = _grounding(c, random, side)
    if g is None:
        return False
    g[side].pop(random.randrange(len(g[side])))
    return True


def added_literal(c: Certificate, random: Random) -> bool:
    g = _grounding(c, random)
    if g is None:
        return False
    g[random.choice(["body", "negated"])].append(random.randrange(len(c["facts"])))
    return True


def turned_literal(c: Certificate, random: Random) -> bool:
    """A literal becomes its negation."""
    one, other = random.choice([("body", "negated"), ("negated", "body")])
    g = _grounding(c, random, one)
    if g is None:
        return False
    g[other].append(g[one].pop(random.randrange(len(g[one]))))
    return True


def dropped_absence(c: Certificate, random: Random) -> bool:
    g = _grounding(c, random, "absent")
    if g is None:
        return False
    g["absent"].pop(random.randrange(len(g["absent"])))
    return True


def present_said_absent(c: Certificate, random: Random) -> bool:
    """A fact under a negation, or any at all, is said to be absent."""
    g = _grounding(c, random, "negated")
    if g is not None and random.random() < 0.7:
        fact = g["negated"].pop(random.randrange(len(g["negated"])))
        g["absent"].append(c["facts"][fact]["atom"])
        return True
    g = _grounding(c, random)
    if g is None:
        return False
    g["absent"].append(random.choice(c["facts"])["atom"])
    return True


def said_certain(c: Certificate, random: Random) -> bool:
    """A leaf or a derived fact is said to be certain; or a fact that is not there is, and a grounding rests on it."""
    open_ones = [k for k, f in enumerate(c["facts"]) if f["kind"] != "certain"]
    if random.random() < 0.7 and open_ones:
        k = random.choice(open_ones)
        c["facts"][k]["kind"] = "certain"
        for choice in c["choices"]:
            if k in choice["outcomes"]:
                at = choice["outcomes"].index(k)
                choice["outcomes"].pop(at)
                choice["probabilities"].pop(at)
        c["choices"] = [choice for choice in c["choices"] if choice["outcomes"]]
        c["groundings"] = [g for g in c["groundings"] if g["head"] != k]
        return True
    g = _grounding(c, random, "body")
    if g is None:
        return False
    at = random.randrange(len(g["body"]))
    atom = c["facts"][g["body"][at]]["atom"]
    name = atom.split("(")[0]
    c["facts"].append({"atom": f"{name}(made_up)" if "(" in atom else "made_up", "kind": "certain", "hidden": ""})
    g["body"][at] = len(c["facts"]) - 1
    return True


def dropped_outcome(c: Certificate, random: Random) -> bool:
    """An outcome is gone, and all groundings that need it."""
    choice = random.choice(c["choices"])
    fact = random.choice(choice["outcomes"])
    c["groundings"] = [g for g in c["groundings"] if fact not in g["body"]]
    for g in c["groundings"]:
        g["negated"] = [f for f in g["negated"] if f != fact]
    heads = {g["head"] for g in c["groundings"]}
    while gone := {k for k, f in enumerate(c["facts"]) if f["kind"] == "derived" and k not in heads} & {
        f for g in c["groundings"] for f in g["body"]
    }:
        c["groundings"] = [g for g in c["groundings"] if not gone.intersection(g["body"])]
        heads = {g["head"] for g in c["groundings"]}
    return True


def merged_choices(c: Certificate, random: Random) -> bool:
    if len(c["choices"]) < 2:
        return False
    one, two = random.sample(c["choices"], 2)
    if sum(one["probabilities"]) + sum(two["probabilities"]) > 1:
        two["probabilities"] = [p * 0.1 for p in two["probabilities"]]
        one["probabilities"] = [p * 0.5 for p in one["probabilities"]]
    one["outcomes"] += two["outcomes"]
    one["probabilities"] += two["probabilities"]
    c["choices"].remove(two)
    return True


def split_choice(c: Certificate, random: Random) -> bool:
    several = [choice for choice in c["choices"] if len(choice["outcomes"]) > 1]
    if not several:
        return False
    choice = random.choice(several)
    at = random.randrange(1, len(choice["outcomes"]))
    new = {**choice, "outcomes": choice["outcomes"][at:], "probabilities": choice["probabilities"][at:]}
    choice["outcomes"], choice["probabilities"] = choice["outcomes"][:at], choice["probabilities"][:at]
    c["choices"].append(new)
    return True


def changed_evidence(c: Certificate, random: Random) -> bool:
    way = random.randrange(3)
    if c["evidence"] and way == 0:
        entry = random.choice(c["evidence"])
        entry["observed"] = not entry["observed"]
    elif c["evidence"] and way == 1:
        c["evidence"].pop(random.randrange(len(c["evidence"])))
    else:
        known = {e["fact"] for e in c["evidence"]}
        free = [k for k in range(len(c["facts"])) if k not in known and k != c["claim"]]
        if not free:
            return False
        c["evidence"].append({"fact": random.choice(free), "observed": random.random() < 0.7})
    return True


def exchanged_rules(c: Certificate, random: Random) -> bool:
    if len(c["groundings"]) < 2:
        return False
    one, two = random.sample(c["groundings"], 2)
    keys = random.choice([("rule",), ("rule", "statement"), ("rule", "statement", "part")])
    for key in keys:
        one[key], two[key] = two[key], one[key]
    return True


def other_claim(c: Certificate, random: Random) -> bool:
    c["claim"] = random.randrange(len(c["facts"]))
    return True


def changed_hash(c: Certificate, random: Random) -> bool:
    name = random.choice(["rules", "facts"])
    digits = list(c["hashes"][name])
    k = random.randrange(64)
    digits[k] = random.choice([d for d in "0123456789abcdef" if d != digits[k]])
    c["hashes"][name] = "".join(digits)
    return True


WAYS: dict[str, Callable[[Certificate, Random], bool]] = {
    way.__name__: way
    for way in (
        leaf_probability, rule_weight, claimed_number, atom_text, exchanged_atoms, dropped_grounding, added_grounding,
        redirected_literal, redirected_head, dropped_literal, added_literal, turned_literal, dropped_absence,
        present_said_absent, said_certain, dropped_outcome, merged_choices, split_choice, changed_evidence,
        exchanged_rules, other_claim, changed_hash,
    )
}  # fmt: skip
