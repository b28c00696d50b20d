"""Errors of evaluation that name the fact, the statement or the rule."""

from __future__ import annotations

import numpy as np

from neurosym.errors import FixpointError, SemanticsError
from neurosym.grounding import DerivationGraph
from neurosym.semantics.part import Long


def bad_leaf(graph: DerivationGraph, fact: int, value: float, sample: int) -> SemanticsError:
    """A leaf's input is no probability.

    Args:
        fact: its id; value: what was given for it; sample: its number in the batch.
    """
    return SemanticsError(
        f"{value} is given as the probability of {graph.atom(fact)}", code="NS512",
        note=f"{_source(graph, fact)}; sample {sample} of the batch",
        help="check the weight or the network behind it for NaN, and that it gives values from 0 to 1",
    )  # fmt: skip


def bad_tag(graph: DerivationGraph, semantics: str, fact: int, value: float, sample: int) -> SemanticsError:
    """A derived fact's tag is no finite number, or a negative one where its logarithm is asked for.

    Args:
        value: the tag.
    """
    groundings = np.nonzero(graph.head == fact)[0]
    where = _rule(graph, int(groundings[0])) if len(groundings) else "a fact of the program"
    more = f", and {len(groundings) - 1:,} other firings" if len(groundings) > 1 else ""
    return SemanticsError(
        f"the tag of {graph.atom(fact)} under `{semantics}` is {value}", code="NS511",
        note=f"derived by {where}{more}; sample {sample} of the batch",
        help="choose exact, viterbi or product, whose tags stay between 0 and 1",
    )  # fmt: skip


def unsettled(semantics: str, max_rounds: int, predicates: str) -> FixpointError:
    """A cycle does not settle."""
    return FixpointError(
        f"the semantics `{semantics}` did not settle within {max_rounds:,} rounds on a cycle through {predicates}",
        help="choose exact, viterbi or goedel for programs with cycles",
    )


def predicates_of(graph: DerivationGraph, facts: Long) -> str:
    """The names of the predicates of some facts, five at most."""
    return ", ".join(sorted({graph.key(int(f))[0] for f in facts[:100]})[:5])


def _source(graph: DerivationGraph, leaf: int) -> str:
    """The statement or the network that a leaf's probability comes from."""
    group, row = graph.choice_of(leaf)
    if group.kind == "neural":
        declaration = graph.neural_of(group)
        return f"it comes from the network `{declaration.network}` ({declaration.span})"
    if group.kind == "open":
        return "it is an unknown atom"
    statement = graph.program.statements[int(group.statements[row])]
    return f"it is an outcome of `{statement.label}` ({statement.span})"


def _rule(graph: DerivationGraph, grounding: int) -> str:
    rule = graph.rules[int(graph.rule[grounding])]
    if rule.statement < 0:
        return f"rule `{rule.part}`"
    statement = graph.program.statements[rule.statement]
    return f"rule `{statement.label}` ({statement.span})"
