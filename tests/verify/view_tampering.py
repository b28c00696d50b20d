"""Ways to change what an explanation shows, with its certificate left as it was."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Plain = dict[str, Any]

PROGRAM = """
pred arrears(who: symbol, euros: int) label "{who} owes {euros} euros" .
rule cause weight 0.95 source "s. 543" if arrears(?t, ?e) and ?e > 100 then evict(?t) because "{t} owes {e} euros" .
rule out if evict(?t) and tenant(?t) and not protected(?t) then order(?t) because "{t} may be evicted" .
rule social weight 0.7 source "s. 574" if hardship(?t) then protected(?t) because "eviction is a hardship for {t}" .
rule let if flat(?t, ?f) then tenant(?t) because "{t} lives in {f}" .
0.8 :: arrears(ada, 650). 0.3 :: arrears(ada, 120). arrears(bob, 650). flat(ada, 5). 0.9 :: hardship(ada).
"""
CLAIM = "order(ada)"


def _node(e: Plain, random: Random, *kinds: str) -> Plain:
    return random.choice([n for n in e["nodes"].values() if n["kind"] in kinds])


def claim_atom(e: Plain, random: Random) -> None:
    e["claim"]["atom"] = e["claim"]["label"] = "order(bob)"


def claim_label(e: Plain, random: Random) -> None:
    e["claim"]["label"] = "order(bob)"


def leaf_label(e: Plain, random: Random) -> None:
    _node(e, random, "data", "not")["label"] += "0"


def leaf_atom(e: Plain, random: Random) -> None:
    _node(e, random, "data")["atom"] = "arrears(ada, 9650)"


def leaf_place(e: Plain, random: Random) -> None:
    _node(e, random, "data")["place"] = "other.rules:1"


def because(e: Plain, random: Random) -> None:
    random.choice(e["steps"])["because"] += " indeed"


def substitution(e: Plain, random: Random) -> None:
    random.choice(e["steps"])["substitution"]["t"] = "bob"


def step_rule(e: Plain, random: Random) -> None:
    step = random.choice(e["steps"])
    step["rule"] = random.choice([k for k in range(len(e["rules"])) if k != step["rule"]])


def dropped_body(e: Plain, random: Random) -> None:
    step = random.choice(e["steps"])
    step["body"].pop(random.randrange(len(step["body"])))


def rule_source(e: Plain, random: Random) -> None:
    random.choice(e["rules"])["source"] = "s. 575"


def rule_text(e: Plain, random: Random) -> None:
    rule = random.choice(e["rules"])
    rule["text"] = rule["text"].replace("if ", "if not ")


def rule_weight(e: Plain, random: Random) -> None:
    next(r for r in e["rules"] if r["weight"] is not None)["weight"] = 0.5


def rule_place(e: Plain, random: Random) -> None:
    random.choice(e["rules"])["line"] += 1


def proof_probability(e: Plain, random: Random) -> None:
    random.choice(e["proofs"])["probability"] += 0.01


def proof_steps(e: Plain, random: Random) -> None:
    random.choice(e["proofs"])["steps"].pop()


def node_probability(e: Plain, random: Random) -> None:
    random.choice(list(e["nodes"].values()))["probability"] -= 0.01


def contribution_value(e: Plain, random: Random) -> None:
    added = random.choice([c for c in e["contributions"] if c["name"] in ("cause", "ada owes 650 euros")])
    added["without"] += 0.01
    added["difference"] -= 0.01


def contribution_name(e: Plain, random: Random) -> None:
    random.choice(e["contributions"])["name"] = "hardship"


def dropped_warning(e: Plain, random: Random) -> None:
    e["warnings"] = []


def own_word(e: Plain, random: Random) -> None:
    """What the file itself says of its verification."""
    e["verified"], e["unverified"] = ["everything"], []


CERTAIN = "steps below what is certain"
WORDING = "the wording of facts and reasons, and the rules' texts, sources and weights"
ADDED = "what each rule and fact contributes"
PLACES = "in which files and lines the facts stand"
WARNINGS = "the warnings, and whether one was left out"

# kind → what is listed as not looked at, where it is not caught: alone, with rules, with rules and contributions
WAYS: dict[str, tuple[Callable[[Plain, Random], None], tuple[str, ...]]] = {
    way.__name__: (way, tuple(listed))
    for way, *listed in (
        (claim_atom, "", "", ""),
        (claim_label, WORDING, "", ""),
        (leaf_label, WORDING, "", ""),
        (leaf_atom, CERTAIN, "", ""),
        (leaf_place, PLACES, PLACES, PLACES),
        (because, WORDING, "", ""),
        (substitution, WORDING, "", ""),
        (step_rule, CERTAIN, "", ""),
        (dropped_body, CERTAIN, "", ""),
        (rule_source, WORDING, "", ""),
        (rule_text, WORDING, "", ""),
        (rule_weight, WORDING, "", ""),
        (rule_place, WORDING, "where `", "where `"),
        (proof_probability, "", "", ""),
        (proof_steps, "", "", ""),
        (node_probability, "the probabilities of", "", ""),
        (contribution_value, ADDED, ADDED, ""),
        (contribution_name, "", "", ""),
        (dropped_warning, WARNINGS, WARNINGS, WARNINGS),
        (own_word, WARNINGS, WARNINGS, WARNINGS),
    )
}
