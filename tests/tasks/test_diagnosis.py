"""The diagnosis task: what its networks see, what is fitted where, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import neurosym as ns

pytest.importorskip("sklearn", reason="the task's data come with scikit-learn (extra `tasks`)")

from tasks.diagnosis.baselines import measure
from tasks.diagnosis.data import Fold, Ward, folds, load_ward
from tasks.diagnosis.model import GRAPH_RULE, QUERY, Recipe, build, columns_of, labels, ontology, patients, program
from tasks.diagnosis.run import correlations, graph_share, train


@pytest.fixture(scope="module")
def ward() -> Ward:
    return load_ward()


@pytest.fixture(scope="module")
def fold(ward: Ward) -> Fold:
    return next(iter(folds(ward)))


def test_the_experts_files_are_in_order() -> None:
    whole = program()
    assert not whole.warnings
    assert {"negation", "aggregate", "exception"} <= _constructs(whole)
    assert set(columns_of(ontology())) >= {d.network for d in whole.neural.values()} - {"graph_network"}


def _constructs(whole: ns.Program) -> set[str]:
    from neurosym.lang.ast import Aggregate, And, Not

    found: set[str] = set()
    for rule in whole.rules:
        parts = rule.body.parts if isinstance(rule.body, And) else (rule.body,)
        found |= {"negation" for p in parts if isinstance(p, Not)}
        found |= {"aggregate" for p in parts if isinstance(p, Aggregate)}
        found |= {"exception"} if rule.exception_to else set()
    return found


def test_each_network_sees_only_the_columns_of_its_finding(ward: Ward, fold: Fold) -> None:
    reasoner = build(ward, fold.train, Recipe(), 0)
    for name, columns in columns_of(ontology()).items():
        own = ward.table.columns_index(columns)
        rows = ward.table.rows[:5].clone().requires_grad_()
        reasoner.networks[name](rows).sum().backward()
        assert rows.grad is not None
        touched = rows.grad.abs().sum(dim=0).nonzero()[:, 0].tolist()
        assert set(touched) <= set(own), name


def test_scales_come_from_the_training_patients_only(ward: Ward, fold: Fold) -> None:
    reasoner = build(ward, fold.train, Recipe(), 0)
    changed = ward.table.rows.clone()
    changed[fold.test] *= 100
    other = Ward(ns.FeatureTable(ward.table.ids, changed, ward.table.columns), ward.malignant)
    again = build(other, fold.train, Recipe(), 0)
    name = "networks.giant_nuclei.scale.mean"
    assert torch.equal(reasoner.state_dict()[name], again.state_dict()[name])


def test_only_the_given_patients_are_labelled(ward: Ward, fold: Fold) -> None:
    reasoner = build(ward, torch.cat([fold.train, fold.valid]), Recipe(), 0)
    targets = labels(ward, reasoner, fold.train).targets
    assert isinstance(targets, torch.Tensor)
    # each label stands on the diagnosis and on what the rules conclude alone
    assert int((~targets.isnan()).sum()) == 2 * len(fold.train)


def test_test_patients_are_unknown_while_training(ward: Ward, fold: Fold) -> None:
    reasoner = build(ward, torch.cat([fold.train, fold.valid]), Recipe(), 0)
    known = {args[0] for name, args in reasoner.facts if name.endswith("#Patient>")}
    assert len(known) == len(fold.train) + len(fold.valid)
    new = reasoner.predict(patients(ward, fold.test), QUERY, background=ontology())
    assert len(new) == len(fold.test) and not known & {args[0] for args in new.args}


def test_training_learns_and_everything_moves(ward: Ward, fold: Fold) -> None:
    recipe = replace(Recipe(), epochs=60)
    trained = train(ward, fold, recipe, 0, {})
    measured = measure(trained.answers.tags[0].numpy(), ward.malignant[trained.test].numpy())
    assert measured.accuracy > 0.92 and measured.auc > 0.97
    fresh = build(ward, torch.cat([fold.train, fold.valid]), recipe, 0)
    before, after = fresh.state_dict(), trained.reasoner.state_dict()
    for part in ("networks.graph_network.out", "networks.enlarged_nuclei", "weight_logits.0"):
        assert any(not torch.equal(before[k], after[k]) for k in before if k.startswith(part)), part
    share, _ = graph_share(trained)
    assert 0 <= share <= 1
    assert set(correlations(ward, trained)) == set(trained.reasoner.networks) - {"graph_network"}
    why = ns.explain(trained.answers, trained.answers.atoms[0])
    why.verify()
    assert why.proofs


def test_ablations_leave_out_what_they_say(ward: Ward, fold: Fold) -> None:
    without = build(ward, fold.train, Recipe(), 0, graph=False)
    assert "graph_network" not in without.networks and GRAPH_RULE not in {r.name for r in without.program.rules}
    alone = build(ward, fold.train, Recipe(), 0, rules=False)
    assert not alone.learnable and not {"by_signs", "large_and_indented"} & {r.name for r in alone.program.rules}
