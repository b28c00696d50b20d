"""The repurposing task on a small synthetic Hetionet in the same file formats, and its leak test on the real one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from neurosym.errors import DataError
from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.fit import Recipe, scorer
from neurosym.links.graph import LinkSplit, TripleGraph
from neurosym.links.network.reach import Adjacency
from neurosym.links.reading import from_facts
from neurosym.links.rules import Mining
from tasks.repurposing.data import HET, NODE, Hetionet, leaks, node_iri, read_hetionet, to_facts
from tasks.repurposing.measures import measure
from tasks.repurposing.model import VARIANTS, Setting, expert_rules, mine_rules, train
from tasks.repurposing.reasons import Teller, candidates

METAEDGES = """\
Compound - treats - Disease\tCtD
Compound - binds - Gene\tCbG
Compound - palliates - Disease\tCpD
Compound - upregulates - Gene\tCuG
Compound - downregulates - Gene\tCdG
Compound - causes - Side Effect\tCcSE
Compound - resembles - Compound\tCrC
Pharmacologic Class - includes - Compound\tPCiC
Disease - associates - Gene\tDaG
Disease - upregulates - Gene\tDuG
Disease - downregulates - Gene\tDdG
Disease - localizes - Anatomy\tDlA
Disease - presents - Symptom\tDpS
Disease - resembles - Disease\tDrD
Anatomy - expresses - Gene\tAeG
Gene - interacts - Gene\tGiG
Gene > regulates > Gene\tGr>G
"""
SMALL = Setting(Mining(min_support=2), 5.0, channels=8, recipe=Recipe(epochs=2, batch=8))


def compound(i: int) -> str:
    return f"Compound::DB{i:05}"


def disease(i: int) -> str:
    return f"Disease::DOID:{i}"


def gene(i: int) -> str:
    return f"Gene::{i}"


def write_hetionet(folder: Path, extra: tuple[tuple[str, str, str], ...] = ()) -> Path:
    """12 compounds, 4 diseases with a gene and a class each: compound i treats, binds for and belongs to i mod 4."""
    nodes = [(compound(i), f"drug {i}", "Compound") for i in range(12)]
    nodes += [(disease(i), f"disease <{i}>", "Disease") for i in range(4)]
    nodes += [(gene(i), f"GENE{i}", "Gene") for i in range(6)]
    nodes += [(f"Pharmacologic Class::N{i}", f"class {i}", "Pharmacologic Class") for i in range(4)]
    treats = [(compound(i), disease(i % 4)) for i in range(12)]
    edges = [(c, "CtD", d) for c, d in treats]
    edges += [(f"Pharmacologic Class::N{i % 4}", "PCiC", compound(i)) for i in range(12)]
    edges += [(compound(i), "CrC", compound(i + 1)) for i in range(0, 11, 3)]
    edges += [(gene(4), "Gr>G", gene(5)), (compound(0), "CbG", gene(0))]  # the second is a sample of the whole file
    (folder / "polo").mkdir(parents=True)
    text = "".join(f"{'	'.join(row)}\n" for row in [("id", "name", "kind"), *nodes])
    (folder / "nodes.tsv").write_text(text, "utf-8")
    kinds = "metaedge\tabbreviation\tedges\n" + "".join(f"{line}\t1\n" for line in METAEDGES.splitlines())
    (folder / "metaedges.tsv").write_text(kinds, "utf-8")
    with gzip.open(folder / "edges-5k.sif.gz", "wt", encoding="utf-8") as stream:
        for row in [("source", "metaedge", "target"), *edges, *extra]:
            stream.write("\t".join(row) + "\n")
    binds = [f"DB{i:05}\t{i % 4}\t\n" for i in range(12)] + ["DB99999\t1\t\n", "DB00001\t999\t\n"]
    (folder / "CbG-binding.tsv").write_text("drugbank_id\tentrez_gene_id\tsources\n" + "".join(binds), "utf-8")
    associates = [f"DOID:{i}\tdisease {i}\t{i}\tG\t\t\n" for i in range(4)]
    head = "doid_id\tdoid_name\tentrez_gene_id\tgene_symbol\tsources\tlicense\n"
    (folder / "DaG-association.tsv").write_text(head + "".join(associates), "utf-8")
    for name, part in (("train", treats[:8]), ("dev", treats[8:10]), ("test", treats[10:])):
        (folder / "polo" / f"{name}.txt").write_text("".join(f"{c}\tCtD\t{d}\n" for c, d in part), "utf-8")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Hetionet:
    return read_hetionet(write_hetionet(tmp_path_factory.mktemp("het") / "hetionet"))


def pairs_of(data: Hetionet) -> set[tuple[str, str]]:
    graph = data.split.graph
    asked = np.concatenate([data.split.valid, data.split.test])[:, [0, 2]]
    return {(graph.entities[a], graph.entities[b]) for a, b in asked.tolist()}


def assert_no_leak(data: Hetionet) -> None:
    """No edge of any kind, in either direction, between the ends of a pair of dev or test; what is seen is `edges`."""
    asked, entities = pairs_of(data), data.split.graph.entities
    met = {(entities[h], entities[t]) for h, _, t in data.split.graph.edges.tolist()}
    assert not met & asked
    assert not met & {(b, a) for a, b in asked}
    assert leaks(data.split.graph, data.split) == []


# ------------------------------------------------------------------------------------------------------- the graph


def test_the_answers_are_not_in_the_graph_and_what_was_dropped_is_told(small: Hetionet) -> None:
    assert_no_leak(small)
    assert len(small.training) == 8 and len(small.split.valid) == len(small.split.test) == 2
    assert small.check.counts["edges of CtD dropped from edges-5k, dev and test among them"] == 12
    assert any("CtD" in note for note in small.check.notes)


def test_an_answer_that_stands_as_another_relation_or_backwards_is_dropped(tmp_path: Path) -> None:
    extra = ((compound(9), "CpD", disease(1)), (disease(2), "DrD", compound(10)), (compound(0), "CpD", disease(3)))
    data = read_hetionet(write_hetionet(tmp_path / "h", extra))
    assert_no_leak(data)
    assert data.check.counts["edges of other kinds between the ends of a dev or test pair, dropped"] == 2
    graph = data.split.graph
    kept = (graph.triples[:, 1] == graph.relation_ids[HET + "CpD"]).sum()
    assert kept == 1  # of another pair


def test_leaks_are_found(small: Hetionet) -> None:
    graph, split = small.split.graph, small.split
    h, _, t = split.test[0].tolist()
    for triple in ((h, 2, t), (t, 2, h)):
        leaky = TripleGraph(graph.entities, graph.relations, np.vstack([graph.triples, triple]))
        found = leaks(leaky, LinkSplit(leaky, split.valid, split.test))
        assert found == [(graph.entities[triple[0]], graph.relations[2], graph.entities[triple[2]])]


def test_joins_lose_nothing_silently(small: Hetionet) -> None:
    counts = small.check.counts
    assert counts["edges of CbG joined by drugbank_id and entrez_gene_id"] == 12
    assert counts["rows of CbG-binding.tsv whose drugbank_id is no node of Hetionet"] == 1
    assert counts["further rows of CbG-binding.tsv whose entrez_gene_id is no node of Hetionet"] == 1
    assert counts["edges of DaG joined by doid_id and entrez_gene_id"] == 4
    assert counts["sampled edges of CbG and DaG, replaced by the whole files"] == 1


def test_an_edge_to_a_node_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nodes\.tsv"):
        read_hetionet(write_hetionet(tmp_path / "h", ((compound(77), "CrC", compound(1)),)))


def test_as_rdf_and_back(small: Hetionet, tmp_path: Path) -> None:
    facts = to_facts(small, tmp_path)
    graph, _ = from_facts(facts, small.split.graph.relations)

    def named(g: TripleGraph) -> set[tuple[str, str, str]]:
        return {(g.entities[h], g.relations[r], g.entities[t]) for h, r, t in g.triples.tolist()}

    assert named(graph) == named(small.split.graph)
    assert graph.labels[node_iri(disease(1))] == "disease <1>"
    assert node_iri("Side Effect::C0000727") == f"{NODE}SideEffect/C0000727"
    typed, _ = from_facts(facts)
    assert (node_iri(gene(1)), HET + "Gene") in {(s, o) for s, r, o in named(typed) if r.endswith("#type")}
    assert f"{HET}Gr%3EG" in small.split.graph.relations


# ------------------------------------------------------------------------------------------------- rules and model


def test_every_expert_rule_is_applied(small: Hetionet) -> None:
    read = expert_rules(small.split.graph)
    assert read.others == () and len(read.rules) == 26
    told = {origin[0].statement.name for origin in read.origins}
    assert len(told) == 19  # "resembles" and "interacts" go both ways, which makes 26 of these
    assert all(any(t.statement.because for t in origin[1:]) for origin in read.origins)
    short = TripleGraph(small.split.graph.entities, (HET + "CtD",), np.zeros((0, 3), np.int64))
    with pytest.raises(ValueError, match="same_class"):
        expert_rules(short)


def test_the_three_protocols(small: Hetionet) -> None:
    scores = np.random.default_rng(0).normal(size=(len(small.split.graph.entities), len(small.split.graph.entities)))
    found = measure(lambda queries: scores[queries[:, 0]], small, small.split.test, batch=3)
    known = KnownAnswers([small.split.graph.triples, small.split.valid, small.split.test],
                         len(small.split.graph.relations))  # fmt: skip
    everything = evaluate(lambda queries: scores[queries[:, 0]], small.split.test, known)
    assert found["all entities"].mean.tolist() == everything.mean.tolist()
    assert found["PoLo's"].mean.tolist() == everything.mean[:2].tolist()
    # by hand: a disease among the diseases that the compound is not known to treat
    head, _, answer = small.split.test[0].tolist()
    others = [t for t in np.flatnonzero(small.of_kind("Disease")).tolist() if t != answer]
    assert found["of the kind"].mean[0] == 1 + sum(scores[head, t] > scores[head, answer] for t in others)


@pytest.fixture(scope="module")
def teller(small: Hetionet) -> Teller:
    torch.set_num_threads(1)
    trained = train(small, SMALL, 0, mine_rules(small, SMALL, 0), progress=False)
    return Teller(small, trained.model, expert_rules(small.split.graph))


def test_what_is_told_adds_up_and_edges_matter_as_said(teller: Teller, small: Hetionet) -> None:
    ranked = candidates(small, teller.model)
    assert len(ranked) == 12 * 4 - 8
    assert not {(c, d) for c, d, _ in ranked} & {(h, t) for h, _, t in small.training.tolist()}
    compound, disease, _ = ranked[0]
    why = teller.tell(compound, disease, most=10)
    assert sum(why.parts.values()) == pytest.approx(why.score, abs=1e-5)
    assert set(why.parts) == {"rules", "prior", "paths"} and why.rules and why.effects
    expert = next(r for r in why.rules if "expert rule same_class" in r.source)
    assert "as" in expert.because and "same_class" in expert.text and "mined" not in expert.text
    assert why.probability is not None and 0 < why.probability <= 1  # two pairs of dev are told apart without fault
    graph = small.split.graph
    cited = {e for r in why.rules for e in r.grounding} | {e for p in why.paths for e in p.edges}
    assert {e.edge for e in why.effects} == cited
    for effect in why.effects:  # again, over a graph that was never told of the edge
        kept = [e for e in graph.triples.tolist() if _named(graph, e) != effect.edge]
        assert len(kept) == len(graph.triples) - 1
        less = TripleGraph(graph.entities, graph.relations, np.array(kept))
        score = scorer(teller.model, Adjacency.of(less))(np.array([[compound, small.treats]]))[0, disease]
        assert effect.without == pytest.approx(score, abs=1e-5)
    assert min(e.without for e in why.effects) < why.score


def _named(graph: TripleGraph, edge: list[int]) -> tuple[str, str, str]:
    return graph.entities[edge[0]], graph.relations[edge[1]], graph.entities[edge[2]]


def test_what_a_page_says(teller: Teller, small: Hetionet) -> None:
    held = {(h, t): name for name in ("valid", "test") for h, _, t in getattr(small.split, name).tolist()}
    told = {(c, d): teller.tell(c, d) for c, d, _ in candidates(small, teller.model)}
    for pair, why in told.items():
        assert why.truth is (True if pair in held else None)
        assert ("dev" if held.get(pair) == "valid" else held.get(pair, "")) in why.remark
    why = next(iter(told.values()))
    page = why.to_html()
    assert "disease &lt;" in page and "disease <" not in page and "<script" not in page
    for text in ("not for use on patients", "may treat", "calibrated probability", "ASK {", "in DrugBank", "binds"):
        assert text in page


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tasks.repurposing import run as task

    write_hetionet(tmp_path / "hetionet")
    monkeypatch.setenv("NEUROSYM_DATA", str(tmp_path))
    monkeypatch.setattr(task, "Setting", lambda: SMALL)
    options = ["--no-complex", "--seeds", "1", "--reports", "2", "--out", str(tmp_path / "out"), "--quiet", "--rdf"]
    assert task.run(options) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [found["variant"] for found in results["results"]] == list(VARIANTS)
    assert results["command"].startswith("neurosym run repurposing") and results["settings"]["rounds"] == SMALL.rounds
    folder = tmp_path / "out" / "predictions"
    assert len(list(folder.glob("00*.html"))) == len(list(folder.glob("00*.json"))) == 2
    assert all(page.name in (folder / "index.html").read_text("utf-8") for page in folder.glob("00*.html"))
    assert "may treat" in (folder / "predictions.txt").read_text("utf-8")
    assert (tmp_path / "out" / "hetionet.nt").is_file()
    assert "held out" in capsys.readouterr().out
    monkeypatch.setattr(task.Run, "_ask", None)  # what is there is read, not made again
    assert task.run(options) == 0
    assert json.loads((tmp_path / "out" / "results.json").read_text())["results"] == results["results"]


# ---------------------------------------------------------------------------------------------------- the real one


def test_the_real_graph(data_dir: Path) -> None:
    if not (data_dir / "hetionet" / "polo" / "rules.txt").is_file():
        pytest.skip("the data folder has no hetionet: neurosym data get hetionet")
    data = read_hetionet(data_dir / "hetionet")
    assert_no_leak(data)
    counts = data.check.counts
    assert (len(data.training), len(data.split.valid), len(data.split.test)) == (483, 121, 151)
    assert counts["edges of CtD dropped from edges-5k, dev and test among them"] == 755
    # what metaedges.tsv says that the whole of Hetionet has
    assert counts["edges of CbG joined by drugbank_id and entrez_gene_id"] == 11_571
    assert counts["edges of DaG joined by doid_id and entrez_gene_id"] == 12_623
    assert counts["edges given twice"] == 0
    read = expert_rules(data.split.graph)
    assert not read.others
    # PoLo's rules are among the expert's: `_` marks a relation that is read backwards
    ours = {tuple("_" * back + name.removeprefix(HET) for name, back in rule.body) for rule in read.rules}
    theirs = json.loads((data_dir / "hetionet" / "polo" / "rules.txt").read_text())["CtD"]
    assert {tuple(body) for _, _, *body in theirs} <= ours
