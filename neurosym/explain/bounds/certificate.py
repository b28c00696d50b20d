"""The certificate of an interval of truth: the connected part of the theory, as plain data.

Rules are in it as ground rules, as under the other semantics; that each is an implication, and that closed predicates
are completed, is for a verifier to know. `Certificate.logic` has what the constraints add.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurosym.explain.bounds.part import Connected, connected, idle
from neurosym.explain.certificates import calls, choices_of, nothing, parts_used, ragged, rule_label, spelling
from neurosym.explain.model import Certificate
from neurosym.grounding import CERTAIN
from neurosym.grounding.formulas import AND, EXISTS, FORALL, IFF, IMPLIES, NOT, OR, FormulaGraph
from neurosym.reasoner import Answers
from neurosym.reasoner.logic import Logic
from neurosym.semantics.lnn import rule_weights

KINDS = {NOT: "not", AND: "and", OR: "or", IMPLIES: "implies", IFF: "iff", FORALL: "forall", EXISTS: "exists"}
Row = dict[str, Any]


def logic_certificate(
    answers: Answers, logic: Logic, position: int, atom: int | None, sample: int, hashes: dict[str, str]
) -> tuple[Certificate, list[int]]:
    """The part of the theory that the bounds of an answer rest on, and the number in the theory of each fact of it.

    Args:
        atom: its number in the theory; None if nothing speaks of it.
    """
    lower, upper = (float(t[sample, position].detach()) for t in (answers.lower, answers.upper))
    value = float(answers.tags[sample, position].detach())
    if atom is None:
        return _unheard(answers, logic, position, value, (lower, upper), hashes), [-1]
    return _Writer(answers, logic, atom, sample).write(value, (lower, upper), hashes)


def _settings(logic: Logic, rounds: int) -> Row:
    chosen = logic.inference.settings
    return {
        "max_rounds": chosen.max_rounds, "rounds": rounds, "alpha": chosen.alpha,
        "slack": logic.inference.slack(logic.settled.lower), "learned": logic.operands is not None,
    }  # fmt: skip


def _unheard(
    answers: Answers, logic: Logic, position: int, value: float, bounds: tuple[float, float], hashes: dict[str, str]
) -> Certificate:
    """Of an atom that neither facts, rules nor constraints speak of."""
    kind = "open" if bounds[1] > 0 else "absent"
    made = nothing(answers.atoms[position], answers, hashes)
    made.facts[0]["kind"] = kind
    empty = {"units": [], "asserted": [], "weights": [], "settings": _settings(logic, 1)}
    return Certificate(**{**vars(made), "value": value, "bounds": bounds, "logic": empty})


class _Writer:
    """Numbers the atoms and units of a part, and writes its rows."""

    def __init__(self, answers: Answers, logic: Logic, atom: int, sample: int) -> None:
        self.answers, self.logic, self.atom, self.sample = answers, logic, atom, sample
        self.theory = logic.inference.theory
        self.formulas: FormulaGraph = logic.formulas
        self.graph = self.formulas.graph
        assert answers.reasoner is not None
        slack = logic.inference.slack(logic.settled.lower)
        aside = idle(self.theory, answers.reasoner.program)
        self.part: Connected = connected(self.theory, logic.settled, sample, atom, slack, aside)

    def write(
        self, value: float, bounds: tuple[float, float], hashes: dict[str, str]
    ) -> tuple[Certificate, list[int]]:  # fmt: skip
        """The whole certificate, and the atoms that its facts are."""
        theory, graph, part = self.theory, self.graph, self.part.units
        chosen = theory.groundings[part[theory.bodies]]
        body, sign = ragged(graph.body_start, chosen, graph.body, graph.sign)
        atoms = np.nonzero(part[: self.formulas.num_atoms])[0].tolist()
        used = dict.fromkeys([self.atom, *atoms, *(f for row in body for f in row)])
        number = {a: k for k, a in enumerate(used)}
        groundings = self._groundings(chosen, body, sign, number)
        facts = [self._fact(a) for a in number]
        inside = {f: n for f, n in number.items() if f < graph.num_facts}
        weights, used_rules = rule_weights(graph), set(graph.rule[chosen].tolist())
        units, at = self._units(number)
        made = Certificate(
            claim=0, value=value, semantics=self.answers.semantics, facts=facts,
            choices=[c for c in choices_of(self.answers, inside, self.sample) if c["kind"] != "open"],
            groundings=groundings,
            evidence=self._evidence(number),
            hashes=hashes,
            foreign=sorted({c.foreign.signature for r in used_rules for c in calls(graph.rules[r])}),
            bounds=bounds,
            parts=parts_used(graph, [f["atom"] for f in facts], [a for g in groundings for a in g["absent"]]),
            logic={
                "units": units, "asserted": self._asserted(at),
                "weights": [n for f, n in inside.items() if weights[f]],
                "settings": _settings(self.logic, self.logic.settled.rounds),
            },
            **spelling(self.answers),
        )  # fmt: skip
        return made, list(number)

    def _fact(self, atom: int) -> Row:
        graph = self.graph
        if atom >= graph.num_facts:
            return {"atom": self.formulas.spell_atom(atom), "kind": "open", "hidden": ""}
        key = graph.key(atom)
        if graph.status[atom] == CERTAIN:
            kind = "certain"
        elif graph.choice[atom] >= 0:
            kind = "leaf"
        else:
            kind = "open" if key in graph.program.open else "derived"
        return {"atom": graph.atom(atom), "kind": kind, "hidden": graph.program.hidden.get(key, "")}

    def _evidence(self, number: dict[int, int]) -> list[Row]:
        """What was observed, also of atoms that constraints alone speak of."""
        theory = self.theory
        seen = [k for k, e in enumerate(theory.elements) if e.kind == "evidence"]
        at = np.nonzero(np.isin(theory.element, seen))[0]
        rows = dict(zip(theory.unit[at].tolist(), theory.lower[at].tolist(), strict=True))
        return [{"fact": number[a], "observed": bool(v)} for a, v in rows.items() if a in number]

    def _groundings(self, chosen: Any, body: list, sign: list, number: dict[int, int]) -> list[Row]:
        graph = self.graph
        (absent,) = ragged(graph.absent_start, chosen, graph.absent)
        made: list[Row] = []
        seen: dict[tuple, int] = {}
        columns = (graph.rule[chosen].tolist(), graph.head[chosen].tolist(), body, sign, absent)
        for of, head, facts, signs, missing in zip(*columns, strict=True):
            rule = graph.rules[of]
            key = (rule.statement, rule.part, head, tuple(facts), tuple(signs))
            seen[key] = seen.get(key, 0) + 1  # alike, and yet each counts in a completion
            made.append({
                "rule": rule_label(graph, rule), "statement": rule.statement,
                "part": rule.part if seen[key] == 1 else f"{rule.part} ({seen[key]})", "head": number[head],
                "body": [number[f] for f, s in zip(facts, signs, strict=True) if s],
                "negated": [number[f] for f, s in zip(facts, signs, strict=True) if not s],
                "absent": [graph.spell(graph.predicates[p], a) for p, a in (graph.absent_atoms[k] for k in missing)],
            })  # fmt: skip
        return made

    # ------------------------------------------------------------------------------------------------ formulas

    def _units(self, number: dict[int, int]) -> tuple[list[Row], dict[int, int]]:
        """The units of formulas, children first, and the number of each unit and atom."""
        theory, formulas, part = self.theory, self.formulas, self.part.units
        nodes = {int(theory.unit_of_node[n]): n for n in range(formulas.num_nodes) if part[theory.unit_of_node[n]]}
        wanted = [u for u in nodes if u >= formulas.num_atoms]
        constants = [u for u in wanted if u <= theory.true_unit]
        bare = [u for u in wanted if u > theory.true_unit and not formulas.children_of(nodes[u])]
        rest = sorted(set(wanted) - {*constants, *bare})
        at, rows = dict(number), []
        for unit in (*constants, *bare, *rest):
            at[unit] = len(number) + len(rows)
            rows.append(
                self._unit(nodes[unit], [at[int(c)] for c in theory.unit_of_node[formulas.children_of(nodes[unit])]])
            )
        return rows, at

    def _unit(self, node: int, children: list[int]) -> Row:
        formulas = self.formulas
        kind = int(formulas.kind[node])
        if kind not in KINDS:
            return {"kind": formulas.spell(node), "children": []}
        row: Row = {"kind": KINDS[kind], "children": children}
        if kind in (FORALL, EXISTS):
            row["exhaustive"] = bool(formulas.exhaustive[node])
        if self.logic.operands is not None and kind in (AND, OR, IMPLIES):
            number = int(formulas.connective[node])
            first = formulas.connectives[number].first
            weights = self.logic.operands.weights[first : first + len(children)].detach().clamp_min(0)
            row |= {"weights": weights.tolist(), "bias": float(self.logic.operands.biases[number].detach())}
        return row

    def _asserted(self, at: dict[int, int]) -> list[Row]:
        """Constraints, by their instances where these are independent of one another."""
        theory, made = self.theory, []
        for k, formula in enumerate(self.formulas.formulas):
            least = min(1.0, max(0.0, float(self.logic.weights[k].detach())))
            row = {"constraint": k, "label": theory.elements[k].label, "least": least}
            root = int(theory.unit_of_node[formula.root])
            if root not in self.part.roots:
                made += [{**row, "unit": at[root], "instance": None}] if root in at else []
                continue
            units = theory.unit_of_node[formula.instances].tolist()
            for unit, terms in zip(units, formula.substitutions.tolist(), strict=True):
                if unit in at and self.part.units[unit]:
                    values = self._spelled(terms)
                    made.append(
                        {**row, "unit": at[unit], "instance": dict(zip(formula.variables, values, strict=True))}
                    )
        return made

    def _spelled(self, terms: list[int]) -> list[str]:
        printer = self.graph.program.notation.printer(self.graph.prefixes)
        return [printer.value(v) for v in self.graph.symbols.values(terms)]


__all__ = ["logic_certificate"]
