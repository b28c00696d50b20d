"""Rules that speak against each other, and constraints that predictions violate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurosym.errors import NeurosymError
from neurosym.explain.audit.effects import Effects, flat
from neurosym.explain.audit.intended import Intended
from neurosym.explain.audit.labels import Labelled
from neurosym.explain.audit.model import Broken, Conflict
from neurosym.grounding.formulas import label_of
from neurosym.lang import parse_atom
from neurosym.lang.ast import Atom, Program, Term, Var
from neurosym.lang.walk import body_atoms
from neurosym.reasoner import Reasoner
from neurosym.reasoner.constraints import Violation

TRACED = 20  # violated instances of one constraint whose rules are looked for


def opposites(program: Program, found: Effects, least: float, intended: Intended) -> list[Conflict]:
    """Pairs of rules of which one raises what the other lowers: those first that no rule says, and that move most."""
    several = any(len(labels) > 1 for labels in found.labels)
    names = [
        f"{atom}, sample {sample}" if several else atom
        for atoms, labels in zip(found.atoms, found.labels, strict=True) for sample in range(len(labels))
        for atom in atoms
    ]  # fmt: skip
    moved = {s: flat(parts) for s, parts in found.change.items()}
    result: list[tuple[float, Conflict]] = []
    for down, lowered in moved.items():
        for up, raised in moved.items():
            if up == down:
                continue
            hidden = flat(found.hidden[up, down]) if (up, down) in found.hidden else np.zeros_like(raised)
            force = np.minimum(np.where(hidden >= least, hidden, raised), -lowered)
            if not (force >= least).any():
                continue
            worst = int(force.argmax())
            unseen = hidden[worst] >= least
            by = f"{(hidden if unseen else raised)[worst]:+.3f} against {lowered[worst]:+.3f}"
            conflict = Conflict(
                "opposite", program.rules[up].label, program.rules[down].label, int((force >= least).sum()),
                names[worst], f"{by} (overridden)" if unseen else by, intended(up, down),
            )  # fmt: skip
            result.append((float(force[force >= least].sum()), conflict))
    return [c for _, c in sorted(result, key=lambda pair: (pair[1].intended, -pair[0]))]


@dataclass(frozen=True)
class Violations:
    """What constraints say of the predictions.

    Attributes:
        broken: constraints with violated instances; `conflicts`: the rules behind them; `refused`: why some could not
            be looked at, or an empty string; `cut`: whether some samples were not looked at.
    """

    broken: tuple[Broken, ...]
    conflicts: tuple[Conflict, ...]
    refused: str = ""
    cut: bool = False


def violations(reasoner: Reasoner, data: Sequence[Labelled], least: float, max_samples: int) -> Violations:
    """The violated instances of the program's constraints, and the rules that conclude what they forbid.

    Args:
        least: probability of a violation from which it counts; max_samples: of each batch that are looked at.
    """
    if not reasoner.program.constraints:
        return Violations((), ())
    found: list[Violation] = []
    cut = False
    try:
        for inputs in {id(b.inputs): b.inputs for b in data}.values() if any(b.inputs for b in data) else ({},):
            size = min((len(t) for t in inputs.values()), default=1)
            cut |= size > max_samples
            for sample in range(min(size, max_samples)):
                found += reasoner.check_constraints("semantic", least, inputs=inputs, sample=sample)
    except NeurosymError as error:
        return Violations((), (), f"constraints were not looked at: {error.message} ({error.code})")
    broken: list[Broken] = []
    conflicts: list[Conflict] = []
    for name in dict.fromkeys(v.constraint for v in found):
        of = sorted((v for v in found if v.constraint == name), key=lambda v: -v.amount)
        broken.append(Broken(name, of[0].because or "", len(of), of[0].amount, of[0].instance))
        conflicts += _behind(reasoner, name, of[:TRACED])
    return Violations(tuple(sorted(broken, key=lambda b: -b.worst)), tuple(conflicts), cut=cut)


def _behind(reasoner: Reasoner, name: str, found: Sequence[Violation]) -> list[Conflict]:
    """Pairs of rules that conclude the atoms of violated instances."""
    constraint = next(c for c in reasoner.program.constraints if label_of(c) == name)
    said = constraint.formula if constraint.forbids is None else constraint.forbids
    assert said is not None
    atoms = [atom for atom, _ in body_atoms(said)]
    pairs: dict[tuple[str, str], list[str]] = {}
    for violation in found:
        groups = [_rules_of(reasoner, _ground(reasoner, a, violation)) for a in atoms]
        groups = [g for g in groups if g]
        seen = {
            tuple(sorted((one, other)))
            for k, first in enumerate(groups) for second in groups[k + 1 :] for one in first for other in second
        }  # fmt: skip
        for pair in seen:
            pairs.setdefault((pair[0], pair[1]), []).append(violation.instance)
    return [
        Conflict("constraint", one, other, len(instances), instances[0], f"together they violate {name}")
        for (one, other), instances in sorted(pairs.items(), key=lambda p: -len(p[1]))
    ]


def _ground(reasoner: Reasoner, atom: Atom, violation: Violation) -> Atom:
    """An atom of a constraint with the values that a violation gives its variables; others match anything."""
    prefixes = reasoner.facts.prefixes | reasoner.program.prefixes

    def value(term: Term) -> Term:
        text = violation.substitution.get(term.name) if isinstance(term, Var) else None
        return term if text is None else parse_atom(f"is_value({text})", prefixes).args[0]

    return Atom(atom.predicate, tuple(value(t) for t in atom.args))


def _rules_of(reasoner: Reasoner, atom: Atom) -> list[str]:
    """Names of the rules that conclude an atom."""
    graph = reasoner.grounded((), (atom,)).graph
    numbers = np.unique(graph.rule[np.isin(graph.head, graph.matches(atom))])
    statements = {graph.rules[n].statement for n in numbers.tolist()}
    return sorted(reasoner.program.rules[s].label for s in statements if not reasoner.program.rules[s].is_fact)
