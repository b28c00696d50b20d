"""What the error of a stopped grounding says of the rule at work: its place, its size so far, its largest join."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from neurosym.errors import LimitError
from neurosym.grounding.builder import GraphBuilder
from neurosym.grounding.core import CoreAtom, CoreRule, Key
from neurosym.lang.terms import spell_predicate

_PREFIX = "in rule `"


def say_where(error: BaseException, where: Callable[[], str]) -> None:
    """Note the rule that was at work on what ends a grounding from outside of the rules.

    That is a limit, Ctrl-C, a lack of memory, or the signal of a command's watch. A group that is evaluated within a
    rule speaks first.
    """
    if isinstance(error, LimitError):
        if _PREFIX not in error.note:
            error.note = f"{error.note}; {where()}" if error.note else where()
        return
    outside = isinstance(error, MemoryError) or not isinstance(error, Exception)
    if outside and not any(_PREFIX in note for note in getattr(error, "__notes__", ())):
        error.add_note(where())


def at_work(builder: GraphBuilder, number: int, rule: CoreRule, joined: Mapping[CoreAtom, int]) -> str:
    """The note of an error that was raised while a rule was fired.

    Args:
        number: of the rule for the graph's readers; joined: rows that each join of this firing gave so far.
    """
    parts = [_label(builder, rule)]
    head = rule.heads[0][0].key
    if head not in builder.program.questions:
        size = f"{_name(builder, head)} has {builder.relation(head).size:,} facts"
        if builder.record:
            size += f", and the rule {builder.groundings.count(number):,} groundings"
        parts.append(size + " so far")
    if max(joined.values(), default=0) > 1:  # else it is a long recursion, and no join is to blame
        largest = max(joined, key=lambda atom: joined[atom])
        parts.append(f"its largest join, with {_name(builder, largest.key)}, gave {joined[largest]:,} rows")
    return "; ".join(parts)


def _label(builder: GraphBuilder, rule: CoreRule) -> str:
    if rule.statement < 0:
        return f"{_PREFIX}{rule.part}`"
    statement = builder.program.statements[rule.statement]
    inside = "" if rule.part == "rule" else f", {rule.part}"
    return f"{_PREFIX}{statement.label}` ({statement.span}{inside})"


def _name(builder: GraphBuilder, key: Key) -> str:
    """A predicate for people; one that the engine made up is called what it stands for."""
    if key in builder.program.questions:
        return "what is asked"
    return builder.program.hidden.get(key) or f"{spell_predicate(key[0])}/{key[1]}"
