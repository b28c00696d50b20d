"""The table of composition as a program: every entry open before training, and as a rule file afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import neurosym as ns
from neurosym.lang.terms import spell

# what a story says of neighbours, and what only labels say
TOLD = (
    "father", "mother", "son", "daughter", "brother", "sister", "husband", "wife", "grandfather", "grandmother",
    "grandson", "granddaughter", "uncle", "aunt",
)  # fmt: skip
READ = (*TOLD, "nephew", "niece")  # and of neighbours the other way round
RELATIONS = (*TOLD, "nephew", "niece", "father_in_law", "mother_in_law", "son_in_law", "daughter_in_law")
ANSWERS = tuple(r for r in RELATIONS if r not in ("husband", "wife"))

Table = Mapping[tuple[str, str], tuple[str, float]]  # (A, B) → the B of an A, and its probability


def open_table(relations: Sequence[str] = RELATIONS) -> str:
    """Rules by which the relative of a relative may be anyone: for each pair one choice, whose weights are learned."""
    answers = [r for r in relations if r in ANSWERS]
    start = f"t({0.9 / len(answers)})"
    lines = [
        "; ".join(f"{start} :: compose({first}, {second}, {both})" for both in answers) + "."
        for first in relations
        for second in relations
    ]
    return "\n".join(lines)


def learned_table(reasoner: ns.Reasoner, least: float = 0.5) -> dict[tuple[str, str], tuple[str, float]]:
    """The entries that are more probable than not: pair → the relative, and its probability.

    Args:
        reasoner: whose program has `open_table`.
        least: probability of an entry; no pair has two above ½.
    """
    answers = reasoner.query("compose(A, B, R)")
    entries = zip(answers.args, answers.tags[0].tolist(), strict=True)
    return {(spell(a), spell(b)): (spell(both), p) for (a, b, both), p in entries if p > least}


def table_text(table: Table, about: str) -> str:
    """A rule file with the entries of a table as facts, each with its probability as a comment.

    Args:
        about: a line that says where it comes from.
    """
    facts = {pair: f"compose({pair[0]}, {pair[1]}, {both})." for pair, (both, _) in table.items()}
    width = max(map(len, facts.values()), default=0)
    lines = [f"{facts[pair]:<{width}}   % {table[pair][1]:.3f}" for pair in sorted(facts)]
    return "\n".join(
        [f"% {about}", "% `compose(A, B, R)`: the B of my A is my R.", "",
         "pred compose(a: symbol, b: symbol, r: symbol) .", *lines, ""]
    )  # fmt: skip
