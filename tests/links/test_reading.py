"""Graphs from everywhere and back, and what is odd about them."""

from __future__ import annotations

from pathlib import Path

import networkx
import numpy as np
import pytest

import neurosym as ns
from neurosym.errors import FactError
from neurosym.links.graph import TripleGraph
from neurosym.links.names import term_of
from neurosym.links.reading import (
    Numbering,
    from_facts,
    from_hetero,
    from_networkx,
    from_pykeen,
    read_split,
    read_tsv,
    to_facts,
    to_networkx,
    to_pykeen,
)

EX = "http://ex.example/"


def named(graph: TripleGraph) -> set[tuple[str, str, str]]:
    return {(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in graph.triples.tolist()}


def split(folder: Path, train: str, valid: str = "", test: str = "") -> Path:
    folder.mkdir()
    for name, text in (("train", train), ("valid", valid), ("test", test)):
        (folder / f"{name}.txt").write_text(text, "utf-8")
    return folder


def test_a_split_and_what_is_odd_about_it(tmp_path: Path) -> None:
    folder = split(
        tmp_path / "kin", "a\tr\tb\na\tr\tb\nc\tr\tc\nb\ts\tа́\n", "a\tr\tb\nb\tr\ta\n", "z\tr\tb\nb\tr\ta\na\tnew\tb\n"
    )
    found, check = read_split(folder)
    assert found.name == "kin"
    assert named(found.graph) == {("a", "r", "b"), ("c", "r", "c"), ("b", "s", "а́")}
    assert len(found.valid) == 2
    assert {k: v for k, v in check.counts.items() if v} == {
        "repeated triples in train": 1, "triples from an entity to itself": 1,
        "triples of valid that stand in train too": 1, "triples of test that stand in valid too": 1,
        "triples of test with an entity that train has not": 1, "relations without a triple in train": 1,
    }  # fmt: skip
    assert "1 triples from an entity to itself" in check.notes


def test_an_inductive_split_shares_relations_and_no_numbers_of_entities(tmp_path: Path) -> None:
    learn = split(tmp_path / "x", "a\tr\tb\nb\ts\tc\n", "a\ts\tc\n")
    ask = split(tmp_path / "x_ind", "q\ts\tp\n", "", "p\tr\tq\n")
    found, _ = read_split(learn, "x", induced=ask)
    assert found.train_graph is not None and found.train_valid is not None
    assert found.train_graph.relations == found.graph.relations == ("r", "s")
    assert named(found.train_graph) == {("a", "r", "b"), ("b", "s", "c")}
    assert found.graph.entities == ("q", "p") and found.test.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize(("text", "code"), [("a\tb\n", "NS303"), ("a b c\n", "NS303"), (None, "NS301")])
def test_what_is_no_triple_is_named(tmp_path: Path, text: str | None, code: str) -> None:
    path = tmp_path / "t.txt"
    if text is not None:
        path.write_text("a\tr\tb\n" + text, "utf-8")
    with pytest.raises(FactError) as fault:
        read_tsv(path, Numbering(), Numbering())
    assert fault.value.code == code
    assert str(path) + (":2" if text is not None else "") in str(fault.value)


def test_rdf_gives_edges_between_things_and_back(tmp_path: Path) -> None:
    path = tmp_path / "g.ttl"
    path.write_text(
        f"@prefix ex: <{EX}> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        'ex:a ex:knows ex:b ; ex:age 7 ; a ex:Person ; rdfs:label "Ada" . ex:b ex:knows ex:ü .',
        "utf-8",
    )
    facts = ns.FactBase.from_rdf(path)
    graph, check = from_facts(facts)
    kind = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
    assert named(graph) == {
        (EX + "a", EX + "knows", EX + "b"), (EX + "b", EX + "knows", EX + "ü"), (EX + "a", kind, EX + "Person"),
    }  # fmt: skip
    assert graph.labels[EX + "a"] == "Ada"
    assert check.counts["facts with a literal, which are no edges"] == 2  # the age, and the label
    back = to_facts(graph)
    assert named(from_facts(back)[0]) == named(graph)
    only, _ = from_facts(facts, [EX + "knows"])
    assert only.relations == (EX + "knows",)


def test_literals_that_several_share_are_entities_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "g.ttl"
    path.write_text(
        f'@prefix ex: <{EX}> . ex:a ex:fax "1 \\"2\\"" ; ex:age 7 . ex:b ex:fax "1 \\"2\\"" . ex:c ex:fax "9" .',
        "utf-8",
    )
    facts = ns.FactBase.from_rdf(path)
    graph, check = from_facts(facts, literals=2)
    spelled = '"1 \\"2\\""'
    assert named(graph) == {(EX + "a", EX + "fax", spelled), (EX + "b", EX + "fax", spelled)}
    assert check.counts["facts with a literal, which are no edges"] == 2
    everything, check = from_facts(facts, literals=1)
    assert len(everything.triples) == 4 and "7" in everything.entities
    assert not check.counts["facts with a literal, which are no edges"]
    back = to_facts(graph)
    assert term_of(spelled) == '1 "2"' and named(from_facts(back, literals=2)[0]) == named(graph)


def test_networkx_both_ways() -> None:
    graph = networkx.MultiDiGraph()
    graph.add_node("a", label="Ada")
    graph.add_edge("a", "b", relation="r")
    graph.add_edge("a", "b", relation="s")
    made = from_networkx(graph)
    assert named(made) == {("a", "r", "b"), ("a", "s", "b")} and made.labels == {"a": "Ada"}
    assert named(from_networkx(to_networkx(made))) == named(made)
    plain = from_networkx(networkx.Graph([("a", "b")]))
    assert named(plain) == {("a", "edge", "b"), ("b", "edge", "a")}


def test_hetero_data() -> None:
    import torch
    from torch_geometric.data import HeteroData

    data = HeteroData()
    data["drug"].num_nodes, data["gene"].num_nodes = 2, 3
    data["drug", "binds", "gene"].edge_index = torch.tensor([[0, 1, 1], [2, 0, 0]])
    made = from_hetero(data)
    assert named(made) == {
        ("drug/0", "drug__binds__gene", "gene/2"), ("drug/1", "drug__binds__gene", "gene/0")
    }  # fmt: skip
    assert from_hetero(data, {"drug": ["x", "y"]}).entities[:2] == ("x", "y")


def test_pykeen_both_ways() -> None:
    pytest.importorskip("pykeen", reason="pykeen is not installed")
    graph = TripleGraph(("a", "b"), ("r",), np.array([[0, 0, 1], [1, 0, 0]]))
    made = from_pykeen(to_pykeen(graph))
    assert (made.entities, made.relations, named(made)) == (graph.entities, graph.relations, named(graph))
