"""What networks said when the answers were made, so that a program grounded anew need not ask them again.

Over the same program, facts and inputs a network says the same: what it is asked about are the leaves of both graphs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neurosym.explain.changes.setting import Setting
from neurosym.grounding import DerivationGraph
from neurosym.lang.ast import Atom, Body, Const, Literal, Not
from neurosym.reasoner import Answers, Reasoner
from neurosym.reasoner.grounded import Grounded
from neurosym.semantics import relevant_part


def leaf_tags(setting: Setting, grounded: Grounded, facts: list[int]) -> Tensor:
    """(B, F) probabilities of the leaves of a graph over the setting's program and facts.

    Args:
        facts: what will be evaluated; leaves that it does not rest on may be left at 0.
    """
    weights, inputs = setting.reasoner.weights, setting.answers.inputs
    said = _said(setting, grounded.graph, facts)
    return grounded.leaves(weights, inputs) if said is None else grounded.leaves.with_answers(weights, said)


def ask_again(setting: Setting, asking: Reasoner, atoms: tuple[Atom, ...]) -> Answers:
    """Answers of another program over the same facts; its networks are not run for what they said before."""
    before = setting.answers
    neural = any(g.kind == "neural" for g in before.grounded.graph.choices)
    if neural and before.algebra is None and not (before.evidence or before.observed):
        inputs = before.inputs
        grounded = asking.grounded(inputs, atoms, mode=asking._mode(None))
        said = _said(setting, grounded.graph, grounded.found(atoms).derived)
        if said is not None:
            told = grounded.leaves.with_answers(asking.weights, said)
            with torch.no_grad():
                return asking._answer(grounded, atoms, (), None, inputs, False, told)
    return setting.run(asking, atoms)


def _said(setting: Setting, graph: DerivationGraph, facts: Sequence[int]) -> Tensor | None:
    """(B, F) what networks said at the leaves that some facts rest on; None where one of them was not asked."""
    neural = [g.facts for g in graph.choices if g.kind == "neural"]
    tags = setting.answers.leaf_tags.detach()
    if not neural:
        return None
    said = tags.new_zeros((len(tags), graph.num_facts), dtype=torch.float64)
    part = relevant_part(graph, np.array(sorted(facts), np.int32), drop_certain=True).facts
    before = setting.answers.grounded.graph
    for choices in neural:
        used = choices[np.isin(choices, part).any(axis=1)]  # with the other outcomes of the same choice
        for leaf in used.reshape(-1).tolist():
            ids = [before.symbols.find(v) for v in graph.symbols.values(graph.args(leaf))]
            found = [] if None in ids else before.find(graph.key(leaf), tuple(ids)).tolist()
            if len(found) != 1 or before.choice[found[0]] < 0:
                return None
            said[:, leaf] = tags[:, found[0]].double()
    return said


def network_says(setting: Setting, body: Body) -> float | None:
    """The probability of a network's atom or of its negation, as it was when the answers were made.

    None where the literal is no such one, where its probability depends on what was observed, or where nobody asked.
    """
    inner = body.body if isinstance(body, Not) else body
    answers = setting.answers
    if not isinstance(inner, Literal) or answers.evidence or answers.observed or answers.algebra is not None:
        return None
    atom: Atom = inner.atom
    if atom.key not in setting.program.neural or not all(isinstance(t, Const) for t in atom.args):
        return None
    graph = answers.grounded.graph
    found = graph.matches(atom).tolist()
    if len(found) != 1 or graph.choice[found[0]] < 0:
        return None
    tag = float(answers.leaf_tags[setting.sample, found[0]].detach())
    return 1.0 - tag if isinstance(body, Not) else tag


__all__ = ["ask_again", "leaf_tags", "network_says"]
