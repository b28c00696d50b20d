"""The part of Hetionet in the data folder as RDF and as a graph of triples, without the answers that it contains.

Identifiers are Hetionet's: of compounds DrugBank's, of diseases DOID's, of genes Entrez's, and so on. Here they become
`NODE + kind/identifier`; kinds of edges become `HET + abbreviation` (`het:CbG`, compound binds gene).
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from neurosym.datasets import find
from neurosym.errors import DataError
from neurosym.facts import FactBase
from neurosym.facts.factbase import RDF_TYPE
from neurosym.facts.rdf import write_rdf
from neurosym.facts.tabular import text_file
from neurosym.lang.terms import Iri, Value
from neurosym.links.graph import LinkSplit, Long, TripleGraph
from neurosym.links.reading import GraphCheck, Numbering, distinct

HET = "http://neurosym.example/hetionet#"
NODE = "http://neurosym.example/hetionet/"
RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
TREATS = "CtD"
# the files that hold all edges of a kind, of which edges-5k has a sample: file, and the columns of source and target
WHOLE = {
    "CbG": ("CbG-binding.tsv", ("Compound", "drugbank_id"), ("Gene", "entrez_gene_id")),
    "DaG": ("DaG-association.tsv", ("Disease", "doid_id"), ("Gene", "entrez_gene_id")),
}

FILES = (
    "edges-5k.sif.gz", "nodes.tsv", "metaedges.tsv", *(name for name, *_ in WHOLE.values()),
    *(f"polo/{name}.txt" for name in ("train", "dev", "test")),
)  # fmt: skip

Row = tuple[str, str, str]  # source, kind of edge, target, as Hetionet's files name them


@dataclass(frozen=True)
class EdgeKind:
    """A kind of edges: IRI, the words of a sentence ("binds"), and the kinds of its ends ("Compound", "Gene")."""

    iri: str
    words: str
    source: str
    target: str


@dataclass(frozen=True, eq=False)
class Hetionet:
    """The graph that may be reasoned from, what is asked, and what its parts mean.

    Attributes:
        split: its graph has of "compound treats disease" the training pairs alone; `valid` is PoLo's dev.
        kinds: (N,) numbers of each entity's kind, in the order of `kind_names`.
        edge_kinds: IRI of a relation → what it means.
        check: what was met, dropped and joined, with counts.
    """

    split: LinkSplit
    kinds: NDArray[np.int64]
    kind_names: tuple[str, ...]
    edge_kinds: Mapping[str, EdgeKind]
    check: GraphCheck = field(default_factory=GraphCheck)

    @property
    def treats(self) -> int:
        """The number of "compound treats disease"."""
        return self.split.graph.relation_ids[HET + TREATS]

    @property
    def training(self) -> Long:
        """(n, 3) the pairs to learn from."""
        triples = self.split.graph.triples
        return triples[triples[:, 1] == self.treats]

    def of_kind(self, name: str) -> NDArray[np.bool_]:
        """(N,) which entities are of a kind, such as `Disease`."""
        return self.kinds == self.kind_names.index(name)


def node_iri(identifier: str) -> str:
    """The IRI of `Compound::DB00331`, which is the same in every run: kind and identifier, percent-encoded."""
    kind, _, local = identifier.partition("::")
    return f"{NODE}{quote(kind.replace(' ', ''), safe='')}/{quote(local, safe=':')}"


def edge_iri(abbreviation: str) -> str:
    """The IRI of a kind of edges, `Gr>G` percent-encoded."""
    return HET + quote(abbreviation, safe="")


def read_hetionet(folder: Path | None = None) -> Hetionet:
    """Read the graph and the split.

    Args:
        folder: with the files; the data folder's `hetionet` by default.

    Raises:
        DataError: NS941, the data are not there; NS934, an edge joins what nodes.tsv has not; NS610, the split's
            answers are still in the graph, or a pair of it is none.
        FactError: a file cannot be read.
    """
    base = find("hetionet", *FILES) if folder is None else folder
    check = GraphCheck()
    nodes = {row["id"]: row for row in _table(base / "nodes.tsv")}
    meaning = {row["abbreviation"]: _edge_kind(row) for row in _table(base / "metaedges.tsv")}
    parts = {name: _pairs(base / "polo" / f"{name}.txt") for name in ("train", "dev", "test")}
    asked = {pair for name in ("dev", "test") for pair in parts[name]}
    rows = list(_known(base, nodes, check))
    rows = [row for row in rows if not _answer(row, asked, check)]
    rows += [(head, TREATS, tail) for head, tail in parts["train"]]
    lost = sorted({end for row in rows for end in row[::2] if end not in nodes})
    lost += sorted({end for pair in asked for end in pair if end not in nodes})
    if lost:
        raise DataError(
            f"{len(lost)} ends of edges are not in nodes.tsv", code="NS934", note=", ".join(lost[:5]),
            help="the files are of different versions: neurosym data get hetionet",
        )  # fmt: skip
    entities, relations = Numbering(node_iri(i) for i in nodes), Numbering(edge_iri(a) for a in meaning)

    def numbered(some: Iterable[Row]) -> Long:
        found = [(entities[node_iri(h)], relations[edge_iri(r)], entities[node_iri(t)]) for h, r, t in some]
        return np.array(found, np.int64).reshape(-1, 3)

    labels = {node_iri(i): row["name"] for i, row in nodes.items()}
    labels |= {edge_iri(a): kind.words for a, kind in meaning.items()}
    triples = numbered(rows)
    graph = TripleGraph(entities.names, relations.names, distinct(triples), labels)
    check.counts["edges given twice"] = len(triples) - len(graph.triples)
    kind_names = tuple(dict.fromkeys(row["kind"] for row in nodes.values()))
    valid, test = (numbered((h, TREATS, t) for h, t in parts[name]) for name in ("dev", "test"))
    split = LinkSplit(graph, valid, test, name="Hetionet, 5,000 edges a kind, compound treats disease (PoLo split)")
    found = Hetionet(
        split, np.array([kind_names.index(row["kind"]) for row in nodes.values()], np.int64), kind_names,
        {edge_iri(a): kind for a, kind in meaning.items()}, check,
    )  # fmt: skip
    if leaks(graph, split):
        raise DataError(f"{len(leaks(graph, split))} answers of the split are edges of the graph")
    return found


def leaks(graph: TripleGraph, split: LinkSplit) -> list[tuple[str, str, str]]:
    """Edges of any kind, in either direction, between the ends of a pair that valid or test asks about."""
    asked = np.concatenate([split.valid, split.test])
    size = len(graph.entities)
    pairs = np.concatenate([asked[:, 0] * size + asked[:, 2], asked[:, 2] * size + asked[:, 0]])
    met = graph.triples[np.isin(graph.triples[:, 0] * size + graph.triples[:, 2], pairs)]
    return [(graph.entities[h], graph.relations[r], graph.entities[t]) for h, r, t in met.tolist()]


def to_rdf(hetionet: Hetionet, format: str = "nt") -> str:
    """The graph as RDF text: edges, rdf:type and rdfs:label of each entity that has an edge, words of each kind."""
    graph = hetionet.split.graph
    relations = [Iri(name) for name in graph.relations]
    entities = [Iri(name) for name in graph.entities]
    type_of, label_of = Iri(RDF_TYPE), Iri(RDFS_LABEL)

    def triples() -> Iterator[tuple[Value, Value, Value, None]]:
        for h, r, t in graph.triples.tolist():
            yield entities[h], relations[r], entities[t], None
        for i in np.unique(graph.triples[:, [0, 2]]).tolist():
            kind = hetionet.kind_names[int(hetionet.kinds[i])]
            yield entities[i], type_of, Iri(HET + kind.replace(" ", "")), None
            yield entities[i], label_of, graph.labels[graph.entities[i]], None
        for iri, kind in hetionet.edge_kinds.items():
            yield Iri(iri), label_of, kind.words, None

    return write_rdf(triples(), format, {"het": HET})


def to_facts(hetionet: Hetionet, folder: Path) -> FactBase:
    """The RDF written to a folder (`hetionet.nt`), and read as any reasoner would."""
    path = folder / "hetionet.nt"
    path.write_text(to_rdf(hetionet), "utf-8")
    return FactBase.from_rdf(path)


def _known(base: Path, nodes: Mapping[str, object], check: GraphCheck) -> Iterator[Row]:
    """All edges but those of "compound treats disease"; binds and associates whole, not the sample of them."""
    dropped = replaced = 0
    with gzip.open(base / "edges-5k.sif.gz", "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            dropped += row["metaedge"] == TREATS
            replaced += row["metaedge"] in WHOLE
            if row["metaedge"] != TREATS and row["metaedge"] not in WHOLE:
                yield row["source"], row["metaedge"], row["target"]
    check.counts["edges of CtD dropped from edges-5k, dev and test among them"] = dropped
    check.counts["sampled edges of CbG and DaG, replaced by the whole files"] = replaced
    for kind, (name, *columns) in WHOLE.items():
        joined, missing = 0, {"source": 0, "target": 0}
        for row in _table(base / name):
            head, tail = (f"{prefix}::{row[column]}" for prefix, column in columns)
            missing["source"] += head not in nodes
            missing["target"] += head in nodes and tail not in nodes
            if head in nodes and tail in nodes:
                joined += 1
                yield head, kind, tail
        check.counts[f"edges of {kind} joined by {columns[0][1]} and {columns[1][1]}"] = joined
        check.counts[f"rows of {name} whose {columns[0][1]} is no node of Hetionet"] = missing["source"]
        check.counts[f"further rows of {name} whose {columns[1][1]} is no node of Hetionet"] = missing["target"]


def _answer(row: Row, asked: set[tuple[str, str]], check: GraphCheck) -> bool:
    """Whether an edge of another kind joins a pair that dev or test asks about: it would tell the answer."""
    told = (row[0], row[2]) in asked or (row[2], row[0]) in asked
    what = "edges of other kinds between the ends of a dev or test pair, dropped"
    check.counts[what] = check.counts.get(what, 0) + told
    return told


def _edge_kind(row: Mapping[str, str]) -> EdgeKind:
    separator = " > " if " > " in row["metaedge"] else " - "
    source, words, target = row["metaedge"].split(separator)
    return EdgeKind(edge_iri(row["abbreviation"]), words, source, target)


def _table(path: Path) -> Iterator[dict[str, str]]:
    with text_file(path) as stream:
        yield from csv.DictReader(stream, delimiter="\t")


def _pairs(path: Path) -> list[tuple[str, str]]:
    with text_file(path) as stream:
        rows = [line.split() for line in stream if line.strip()]
    for row in rows:
        if len(row) != 3 or row[1] != TREATS:
            raise DataError(f"{path}: `{' '.join(row)}` is no compound, {TREATS}, disease")
    return [(row[0], row[2]) for row in rows]
