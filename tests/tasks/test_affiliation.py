"""The affiliation task: what is kept out of its graph, and that it predicts the groups with reasons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from neurosym.links.classes import ClassGraph, explain_class, withhold
from neurosym.links.classes.leakage import Withheld
from neurosym.links.graph import TripleGraph
from neurosym.links.rules import Mining
from tasks.affiliation.data import LABEL, SWRC, Affiliations, folds, read_aifb
from tasks.affiliation.run import SETTINGS, Outcome, Setting, run, train

QUICK = Setting("compgcn", mining=Mining(max_length=2))


@pytest.fixture(scope="module")
def data(data_dir: Path) -> Affiliations:
    if not (data_dir / "aifb").is_dir():
        pytest.skip(f"{data_dir} has no aifb")
    return read_aifb()


@pytest.fixture(scope="module")
def outcome(data: Affiliations) -> Outcome:
    return train(data, data.train, data.test, ("rules", "encoder"), QUICK, seed=0)


def test_the_split_is_the_published_one(data: Affiliations) -> None:
    assert (len(data.train), len(data.test), len(data.task.classes)) == (140, 36, 4)
    assert not set(data.train.entities.tolist()) & set(data.test.entities.tolist())


def test_what_names_the_group_of_a_person_is_taken_out(data: Affiliations) -> None:
    found = {x.relation.removeprefix(SWRC): (x.why, x.removed, x.agreeing) for x in data.task.withheld.leaks}
    assert found == {
        "affiliation": ("the label", 178, 178), "employs": ("declared", 5, 5), "head": ("restates", 5, 5),
        "member": ("restates", 74, 74),
    }  # fmt: skip
    people, groups = {*data.train.entities.tolist(), *data.test.entities.tolist()}, set(data.task.classes.tolist())
    for head, _, tail in data.task.graph.triples.tolist():
        assert not (head in people and tail in groups) and not (tail in people and head in groups)


def test_the_published_protocol_keeps_member(data: Affiliations) -> None:
    kept = read_aifb(published=True).task.withheld
    assert {leak.relation for leak in kept.leaks} == {LABEL, f"{SWRC}employs"}
    assert len(kept.graph.triples) == len(data.task.graph.triples) + 79


def test_with_the_leak_one_rule_would_be_right_for_all(data: Affiliations) -> None:
    """The label under another name: left in, one step gives every group away; `withhold` finds it by its agreement."""
    graph, removed = data.task.graph, data.task.withheld.removed
    own = removed[removed[:, 1] == data.task.relation].copy()
    own[:, 1] = len(graph.relations)
    leaking = TripleGraph(graph.entities, (*graph.relations, "again"), np.concatenate([graph.triples, own]))
    quick = Setting(mining=Mining(max_length=1))
    left = ClassGraph(Withheld(leaking, removed, ()), data.task.relation, data.task.classes)
    assert train(_with(data, left), data.train, data.test, ("rules",), quick, 0).accuracy == 1
    truth = np.concatenate([leaking.triples, removed])
    caught = withhold(TripleGraph(graph.entities, leaking.relations, truth), LABEL)
    assert "again" in {leak.relation for leak in caught.leaks}
    right = ClassGraph(caught, data.task.relation, data.task.classes)
    assert train(_with(data, right), data.train, data.test, ("rules",), quick, 0).accuracy < 1


def _with(data: Affiliations, task: ClassGraph) -> Affiliations:
    return Affiliations(task, data.train, data.test, data.check)


def test_groups_are_predicted_with_reasons(data: Affiliations, outcome: Outcome) -> None:
    assert outcome.accuracy >= 0.86  # one seed and shorter rules: the figure of ten seeds stands in the README
    graph, task = data.task.graph, data.task
    labels = zip(data.train.entities.tolist(), data.train.classes.tolist(), strict=True)
    known = {(e, task.relation, int(task.classes[c])) for e, c in labels}
    readable = {tuple(t) for t in graph.triples.tolist()} | known
    right = np.flatnonzero(outcome.right)[:2]
    for entity in data.test.entities[right].tolist():
        why = explain_class(outcome.model, task, data.train, entity, max_edges=20)
        assert why.score == pytest.approx(sum(why.parts.values()), abs=1e-4)
        cited = [e for r in why.rules for e in r.grounding] + [e.edge for e in why.edges]
        assert cited
        for s, p, o in cited:
            assert (graph.entity_ids[s], graph.relation_ids[p], graph.entity_ids[o]) in readable


def test_folds_are_apart_and_hold_all(data: Affiliations) -> None:
    asked = [set(ask.entities.tolist()) for _, ask in folds(data.train, 5, 0)]
    assert set.union(*asked) == set(data.train.entities.tolist()) and sum(map(len, asked)) == 140
    for learn, ask in folds(data.train, 5, 0):
        assert not set(learn.entities.tolist()) & set(ask.entities.tolist())
        assert len(np.unique(ask.classes)) == 4


@pytest.mark.slow
def test_the_command(data: Affiliations, tmp_path: Path) -> None:
    assert run(["--seeds", "1", "--reports", "2", "--out", str(tmp_path), "--quiet"]) == 0
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [v["parts"] for v in results["results"]] == [["rules"], ["encoder"], ["rules", "encoder"]]
    assert results["results"][-1]["accuracy"] >= 0.86 and results["settings"]["protocol"] == "strict"
    assert "rule " in (tmp_path / "reasons.txt").read_text("utf-8") and (tmp_path / "mined.rules").is_file()


def test_every_encoder_has_a_setting() -> None:
    assert {s.encoder for s in SETTINGS.values()} == set(SETTINGS)
