"""Explanations as networkx graphs."""

from __future__ import annotations

import io
from dataclasses import replace

import networkx as nx
import pytest

import neurosym as ns
from tests.explain.samples import addition, diagnosis
from tests.explain.views.made import care, of_program
from tests.explain.views.test_schema import EXACT


def atoms(graph: nx.DiGraph, names: set[str], *kinds: str) -> set[str]:
    return {graph.nodes[n]["atom"] for n in names if graph.nodes[n].get("kind") in kinds}


def test_the_ancestors_of_the_root_are_the_evidence() -> None:
    why = ns.explain(care(), "ex:complication(ex:ann, ex:Bleeding)")
    graph = why.to_networkx()
    below = nx.ancestors(graph, graph.graph["root"])
    assert atoms(graph, below, "data") == {
        "ex:Patient(ex:ann)", "ex:Frail(ex:ann)", "ex:takes(ex:ann, ex:warfarin)", "ex:takes(ex:ann, ex:aspirin)",
    }  # fmt: skip
    assert atoms(graph, below, "derived") == {"ex:at_risk(ex:ann)", "ex:complication(ex:ann, ex:Bleeding)"}
    assert {graph.nodes[n]["rule"] for n in below if graph.nodes[n]["role"] == "firing"} == {"covered", "grave"}
    assert graph.nodes["claim"]["probability"] == why.claim.probability
    assert {graph.nodes[n]["weight"] for n in below if graph.nodes[n]["role"] == "firing"} == {0.8, 0.5}


@pytest.mark.parametrize("name", EXACT)
def test_programs(name: str) -> None:
    for why in of_program(name):
        graph = why.to_networkx()
        assert nx.is_directed_acyclic_graph(graph)
        facts = {n for n, role in graph.nodes(data="role") if role == "fact"}
        assert facts == set(why.nodes)
        assert graph.number_of_nodes() == len(facts) + len(why.steps) + 1
        used = {b for p in why.proofs for k in p.steps for b in why.steps[k].body} | {p.root for p in why.proofs}
        assert used <= nx.ancestors(graph, "claim")
        # facts and firings take turns, but where a fact speaks against another one
        kinds = {(a, b): kind for a, b, kind in graph.edges(data="kind")}
        alike = {edge for edge in kinds if {graph.nodes[n]["role"] for n in edge} == {"fact"}}
        assert alike == {edge for edge, kind in kinds.items() if kind == "opposes"}
        nx.write_graphml(graph, io.BytesIO())


@pytest.mark.parametrize("text", ['<b> "quoted" &amp;', "two\nlines", "\x00\x01\x0b\x7f", "\ufffe\uffff", "\ud800"])
def test_it_is_written_as_graphml_and_read_back(text: str) -> None:
    why = diagnosis()
    node = replace(why.nodes["n2"], label=text)
    graph = replace(why, nodes=why.nodes | {"n2": node}).to_networkx()
    stream = io.BytesIO()
    nx.write_graphml(graph, stream)
    again = nx.read_graphml(io.BytesIO(stream.getvalue()))
    assert set(again.edges) == set(graph.edges)
    assert all(dict(again.nodes[n]) == dict(graph.nodes[n]) for n in graph)


def test_a_fact_that_rests_on_itself_is_refused() -> None:
    why = addition()
    steps = (replace(why.steps[0], body=("n1", "n0")), why.steps[1])
    with pytest.raises(ns.NeurosymError, match="rests on itself") as caught:
        replace(why, steps=steps).to_networkx()
    assert caught.value.code == "NS860"
