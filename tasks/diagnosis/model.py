"""The diagnosis model: rules, ontology, one small network for each finding, and a graph network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

import neurosym as ns
from neurosym.lang.ast import Rule
from neurosym.lang.terms import RDFS, Value
from neurosym.learning import Loss
from neurosym.neural import MonotoneThreshold, OnColumns, RelationalGNN
from tasks.diagnosis.data import ONC, Ward

# relative where that is possible: reports and saved models name the rule files
KNOWLEDGE = Path(os.path.relpath(Path(__file__).resolve().parents[2] / "knowledge" / "oncology"))
GRAPH_RULE = "graph_pattern"
QUERY = "malignant(P)"
SIGNS = "suspicious(P)"  # what the rules conclude without the graph network


@dataclass(frozen=True)
class Recipe:
    """How the networks start and how all is trained.

    Chosen by the cross-validated accuracy and calibration of some thirty variants on the folds of seeds 10 and 11.

    Attributes:
        cutoff, slope: where each finding's threshold starts, in standard deviations, and how steep.
        severe: how much further out the cut-off of giant nuclei starts.
        rule_scale: factor on the rule file's weights at the start. Under a noisy-or, weights that start high claim
            malignancy for everybody, and the first steps only push them down.
        signs: weight of the label on what the rules conclude alone, beside the label on the diagnosis. Without it the
            graph network takes over and the rules wither.
        epochs, lr: Adam on the whole ward at once; weight_decay of the findings' networks.
        graph_lr, graph_decay, hidden, layers: of the graph network.
    """

    cutoff: float = 0.5
    slope: float = 2.0
    severe: float = 1.0
    rule_scale: float = 0.15
    signs: float = 0.3
    epochs: int = 175
    lr: float = 0.05
    weight_decay: float = 0.001
    graph_lr: float = 0.015
    graph_decay: float = 0.001
    hidden: int = 8
    layers: int = 2


def program(*, graph: bool = True, rules: bool = True) -> ns.Program:
    """The rule file; without the graph network's rule, or without all other rules for the diagnosis."""
    whole = ns.Program.from_file(KNOWLEDGE / "tumour.rules")

    def kept(statement: object) -> bool:
        if not isinstance(statement, Rule):
            return True
        signs = any(a.predicate == "suspicious" for h in statement.heads for a in h.atoms)
        if statement.name == GRAPH_RULE:
            return graph
        return rules or not (signs or statement.exception_to is not None or statement.name == "by_signs")

    statements = (s for s in whole.statements if kept(s))
    if not rules:  # alone, the graph network's word is the diagnosis
        statements = (_certain(s) if isinstance(s, Rule) and s.name == GRAPH_RULE else s for s in statements)
    return replace(whole, statements=tuple(statements))


def _certain(rule: Rule) -> Rule:
    """The rule without its weight."""
    return replace(rule, heads=tuple(replace(h, weight=None) for h in rule.heads))


def ontology() -> ns.FactBase:
    """What the cytologist wrote down in RDF."""
    return ns.FactBase.from_rdf(KNOWLEDGE / "oncology.ttl")


def patients(ward: Ward, numbers: Tensor) -> ns.FactBase:
    """The patients with these numbers (n,), as RDF facts."""
    names = [ward.table.ids[i] for i in numbers.tolist()]
    return ns.FactBase.from_triples([tuple(ns.Iri(x) for x in t) for t in ward.triples(names)], "ward")  # pyright: ignore


def columns_of(base: ns.FactBase) -> dict[str, list[str]]:
    """Network name → the data columns of its finding, as the ontology says: onc:GiantNuclei is `giant_nuclei`."""
    column = dict(cast(list[tuple[Value, Value]], base.lookup(f"<{ONC}column>", (None, None))))
    result: dict[str, list[str]] = {}
    for finding, measurement in base.lookup(f"<{ONC}measuredBy>", (None, None)):
        assert isinstance(finding, ns.Iri)
        name = finding.value.removeprefix(ONC)
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
        result.setdefault(snake, []).append(str(column[measurement]))
    return result


def networks(
    ward: Ward, base: ns.FactBase, needed: Sequence[str], train: Tensor, recipe: Recipe, seed: int
) -> dict[str, torch.nn.Module]:
    """One threshold network for each finding, over that finding's columns only, and the graph network.

    Args:
        train: (n,) patients from whose rows the columns' means and deviations are taken.
    """
    result: dict[str, torch.nn.Module] = {}
    rows = ward.table.rows[train]
    for name, columns in columns_of(base).items():
        if name in needed:
            cutoff = recipe.cutoff + (recipe.severe if name == "giant_nuclei" else 0.0)
            inner = MonotoneThreshold(len(columns), cutoff=cutoff, slope=recipe.slope)
            result[name] = OnColumns(inner, ward.table.columns_index(columns), columns).fit(rows)
    if "graph_network" in needed:
        sub = f"{RDFS}subClassOf"
        nodes = {t.value for pair in base.lookup(f"<{sub}>", (None, None)) for t in pair if isinstance(t, ns.Iri)}
        result["graph_network"] = RelationalGNN(
            [sub], sorted(nodes), reads=("has_abnormality", "has_artefact"), hidden=recipe.hidden, layers=recipe.layers,
            directions={"has_abnormality": "backward", "has_artefact": "backward"}, seed=seed,
        )  # fmt: skip
    return result


def build(
    ward: Ward, known: Tensor, recipe: Recipe, seed: int, *, graph: bool = True, rules: bool = True
) -> ns.Reasoner:
    """A reasoner over the known patients (n,), from whose rows the networks take their scale."""
    rule_file, base = program(graph=graph, rules=rules), ontology()
    used = {a.predicate for r in rule_file.rules for a in _body_atoms(r.body)}
    needed = [d.network for d in rule_file.neural.values() if d.name in used]
    nets = networks(ward, base, needed, known, recipe, seed)
    reasoner = ns.Reasoner(rule_file, base + patients(ward, known), nets, {"onc:Patient": ward.table}, seed=seed)
    for parameter in reasoner.learnable:
        rule = rule_file.rules[parameter.statement]
        if rule.exception_to is None and parameter.initial is not None:
            reasoner.set_rule_weight(parameter.label, parameter.initial[0] * recipe.rule_scale)
    return reasoner


def _body_atoms(body: object) -> list:
    """All atoms of a rule's body."""
    from neurosym.lang.ast import And, Literal, Not, Or

    match body:
        case Literal(atom=atom):
            return [atom]
        case And(parts=parts) | Or(parts=parts):
            return [a for p in parts for a in _body_atoms(p)]
        case Not(body=inner):
            return _body_atoms(inner)
    return []


def labels(ward: Ward, reasoner: ns.Reasoner, numbers: Tensor) -> ns.Batch:
    """The diagnoses of some patients (n,), the rest unlabelled.

    The same label stands on the diagnosis and, where there are rules, on what they conclude without the graph network.
    """
    queries = (QUERY, SIGNS) if reasoner.learnable else (QUERY,)
    with torch.no_grad():
        atoms = reasoner.query(*queries).atoms
    known = {ward.table.ids[i]: float(ward.malignant[i]) for i in numbers.tolist()}
    targets = [known.get(a[a.index("(") + 1 : -1], float("nan")) for a in atoms]
    return ns.Batch(queries, torch.tensor([targets], dtype=torch.float64))


def loss(recipe: Recipe) -> Loss:
    """Mean negative log-likelihood of the diagnoses, plus `recipe.signs` times that of what the rules say alone."""

    def weighted(answers: ns.Answers, batch: ns.Batch) -> Tensor:
        diagnosis = torch.tensor([a.startswith("malignant") for a in answers.atoms])
        assert isinstance(batch.targets, Tensor)
        labelled = diagnosis[~batch.targets[0].isnan()]
        losses = answers.nll(batch.targets, reduction="none")
        weights = torch.where(labelled, 1.0, recipe.signs).to(losses)
        return (losses * weights).sum() / labelled.sum()

    return weighted


def optimizer(reasoner: ns.Reasoner, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam, with a rate of its own for the graph network."""
    graph = [p for n, p in reasoner.networks.named_parameters() if n.startswith("graph_network.")]
    findings = [p for n, p in reasoner.networks.named_parameters() if not n.startswith("graph_network.")]
    rules = [p for p in reasoner.weight_logits if p.requires_grad]
    groups = [
        {"params": findings, "weight_decay": recipe.weight_decay},
        {"params": rules},
        {"params": graph, "lr": recipe.graph_lr, "weight_decay": recipe.graph_decay},
    ]
    return torch.optim.Adam([g for g in groups if g["params"]], lr=recipe.lr)
