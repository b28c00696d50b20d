"""Whether the rules themselves say that one goes against another."""

from __future__ import annotations

from neurosym.lang.ast import Program
from neurosym.lang.walk import body_atoms

Key = tuple[str, int]


def intended(program: Program, up: int, down: int) -> bool:
    """Whether a rule is an exception, or the first one says `not` of what the second one leads to.

    To lower what others raise, directly or further down, is what an exception is for. A conflict that no rule says is
    one between rules that a third one settles, or that nobody has thought of.
    """
    first, second = program.rules[up], program.rules[down]
    if first.exception_to is not None or second.exception_to is not None:
        return True
    negated = {atom.key for atom, kind in body_atoms(first.body) if kind}
    return not negated.isdisjoint(_led_to(program, down))


def _led_to(program: Program, statement: int) -> set[Key]:
    """The predicates that what a rule concludes bears on, through any rules."""
    found = {a.key for h in program.rules[statement].heads for a in h.atoms}
    uses = [
        ({a.key for a, _ in body_atoms(r.body)}, {a.key for h in r.heads for a in h.atoms})
        for r in program.rules if not r.is_fact
    ]  # fmt: skip
    changed = True
    while changed:
        more = {key for body, heads in uses if not body.isdisjoint(found) for key in heads}
        changed = not more <= found
        found |= more
    return found
