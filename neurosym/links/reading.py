"""Graphs of triples from files, RDF, networkx, PyG and PyKEEN, and back; what is odd in one is told, not dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosym.errors import FactError
from neurosym.facts import FactBase
from neurosym.facts.factbase import RDF_TYPE, Table
from neurosym.facts.symbols import SymbolTable
from neurosym.facts.tabular import text_file
from neurosym.lang.terms import Iri, Symbol, Value, predicate_of_iri, spell
from neurosym.links.graph import LinkSplit, Long, TripleGraph
from neurosym.links.names import predicate_of, term_of

if TYPE_CHECKING:
    import networkx


@dataclass
class GraphCheck:
    """What a reader should know of a graph before trusting a figure.

    Attributes:
        counts: what was met → how often; notes: the same as sentences.
    """

    counts: dict[str, int] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """A sentence for each thing that was met."""
        return [f"{number:,} {what}" for what, number in self.counts.items() if number]


class Numbering:
    """Names of entities or relations, numbered as they come; one numbering serves all splits of a data set."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.ids: dict[str, int] = {}
        for name in names:
            self.ids.setdefault(name, len(self.ids))

    def __getitem__(self, name: str) -> int:
        return self.ids.setdefault(name, len(self.ids))

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(self.ids)


def read_tsv(path: str | Path, entities: Numbering, relations: Numbering) -> Long:
    """(n, 3) numbers of a file with head, relation and tail on each line, tab-separated, duplicates included.

    Raises:
        FactError: NS301, the file cannot be read; NS303, a line has not three cells; names the line.
    """
    rows: list[tuple[int, int, int]] = []
    with text_file(path) as stream:
        for number, line in enumerate(stream, 1):
            cells = line.rstrip("\r\n").split("\t")
            if len(cells) != 3:
                if not line.strip():
                    continue
                raise FactError(
                    f"{path}:{number}: {len(cells)} cells, where head, relation and tail are expected", code="NS303",
                    help="separate them with tabs",
                )  # fmt: skip
            rows.append((entities[cells[0]], relations[cells[1]], entities[cells[2]]))
    return np.array(rows, np.int64).reshape(-1, 3)


def distinct(triples: Long) -> Long:
    """The triples without repetitions, in the order in which they first came."""
    if not len(triples):
        return triples
    order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
    ordered = triples[order]
    first = np.append(True, (ordered[1:] != ordered[:-1]).any(1))
    return triples[np.sort(order[first])]


def read_split(
    folder: str | Path, name: str = "", train: Sequence[str] = ("train.txt",), induced: str | Path | None = None
) -> tuple[LinkSplit, GraphCheck]:
    """A data set as it is usually stored: a folder with train.txt, valid.txt and test.txt.

    Args:
        folder: of the files.
        name: to stand beside every figure; the folder's by default.
        train: files that belong to train (the DRUM splits have a facts.txt beside it).
        induced: folder of a graph with other entities and the same relations: rules and networks are learned on
            `folder`, and asked on this one (its train.txt is what they reason over).

    Raises:
        FactError: a file is missing or broken.
    """
    folder = Path(folder)
    relations = Numbering()
    learned = _read_parts(folder, relations, train)
    asked = learned if induced is None else _read_parts(Path(induced), relations, ("train.txt",))
    check = GraphCheck()
    graphs: list[TripleGraph] = []
    for part in dict.fromkeys((learned, asked)):
        graphs.append(TripleGraph(part.entities.names, relations.names, distinct(part.train)))
        _check(check, part, len(relations.ids))
    split = LinkSplit(
        graphs[-1], distinct(asked.valid), distinct(asked.test), graphs[0] if induced is not None else None,
        distinct(learned.valid) if induced is not None else None, name or folder.name,
    )  # fmt: skip
    return split, check


@dataclass(frozen=True, eq=False)
class _Parts:
    entities: Numbering
    train: Long
    valid: Long
    test: Long


def _read_parts(folder: Path, relations: Numbering, train: Sequence[str]) -> _Parts:
    entities = Numbering()
    known = np.concatenate([read_tsv(folder / name, entities, relations) for name in train])
    return _Parts(entities, known, *(read_tsv(folder / f"{n}.txt", entities, relations) for n in ("valid", "test")))


def _check(check: GraphCheck, part: _Parts, num_relations: int) -> None:
    """Count what is odd: repetitions, loops, leaks between the splits, entities and relations that train has not."""

    def add(what: str, number: int) -> None:
        check.counts[what] = check.counts.get(what, 0) + int(number)

    size = len(part.entities.ids)
    keys = {
        name: (t[:, 0] * num_relations + t[:, 1]) * size + t[:, 2]
        for name, t in (("train", part.train), ("valid", part.valid), ("test", part.test))
    }
    for name, key in keys.items():
        add(f"repeated triples in {name}", len(key) - len(np.unique(key)))
    everything = np.concatenate([part.train, part.valid, part.test])
    add("triples from an entity to itself", int((everything[:, 0] == everything[:, 2]).sum()))
    for one, other in (("valid", "train"), ("test", "train"), ("test", "valid")):
        add(f"triples of {one} that stand in {other} too", int(np.isin(keys[one], keys[other]).sum()))
    seen = np.zeros(size, bool)
    seen[part.train[:, [0, 2]]] = True
    for name, triples in (("valid", part.valid), ("test", part.test)):
        add(f"triples of {name} with an entity that train has not", int((~seen[triples[:, [0, 2]]]).any(1).sum()))
    used = np.bincount(part.train[:, 1], minlength=num_relations)
    add("relations without a triple in train", int((used == 0).sum()))


# ------------------------------------------------------------------------------------------- RDF and fact bases


def from_facts(
    facts: FactBase, relations: Sequence[str] | None = None, literals: int | None = None, language: str = "en"
) -> tuple[TripleGraph, GraphCheck]:
    """The binary facts between things, as triples; classes become edges of rdf:type to the class.

    Args:
        relations: names or full IRIs of those to take; all by default, rdf:type included.
        literals: values that at least so many facts have become entities, named as facts spell them (`"a text"`);
            by default none. One that a single fact has connects nothing.
        language: of the labels; see `FactBase.labels`.

    Returns:
        The graph, its names full IRIs without brackets where they are IRIs, with rdfs:label as labels of entities and
        relations; and what was left out: triples whose object is a literal that is no entity, facts of other arities.
    """
    check = GraphCheck({"facts with a literal, which are no edges": 0, "facts of other arities": 0})
    shared = set() if literals is None else _often(facts, literals)
    entities, kinds = Numbering(), Numbering()
    rows: list[Long] = []
    names: dict[int, int] = {}

    def numbers(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ids, where = np.unique(column, return_inverse=True)
        for i in ids.tolist():
            if i not in names:
                value = facts.symbols.value(i)
                names[i] = entities[_name(value)] if _is_thing(value) or i in shared else -1
        found = np.array([names[i] for i in ids.tolist()], np.int64)[where]
        return found, found >= 0

    for (name, arity), table in facts.tables.items():
        relation = name[1:-1] if name.startswith("<") else name
        is_class = arity == 1 and name.startswith("<")
        wanted = RDF_TYPE if is_class else relation
        if relations is not None and wanted not in relations:
            continue
        if arity != 2 and not is_class:
            check.counts["facts of other arities"] += len(table.rows)
            continue
        heads, things = numbers(table.rows[:, 0])
        if is_class:
            tails = np.full(len(heads), entities[relation])
        else:
            tails, objects = numbers(table.rows[:, 1])
            things = things & objects
        check.counts["facts with a literal, which are no edges"] += int((~things).sum())
        kind = np.full(int(things.sum()), kinds[wanted])
        rows.append(np.column_stack([heads[things], kind, tails[things]]))
    triples = np.concatenate(rows) if rows else np.zeros((0, 3), np.int64)
    labels = {_name(v): text for v, text in facts.labels(language).items()}
    labels = {name: text for name, text in labels.items() if name in entities.ids or name in kinds.ids}
    return TripleGraph(entities.names, kinds.names, triples.astype(np.int64), labels), check


def _often(facts: FactBase, least: int) -> set[int]:
    """Numbers of the symbols that at least so many binary facts have as their object."""
    columns = [table.rows[:, 1] for (_, arity), table in facts.tables.items() if arity == 2]
    ids, counts = np.unique(np.concatenate(columns or [np.zeros(0, np.int32)]), return_counts=True)
    return set(ids[counts >= least].tolist())


def to_facts(graph: TripleGraph, triples: Long | None = None) -> FactBase:
    """The triples (all by default) as facts: names with a scheme are IRIs, rdf:type gives classes."""
    triples = graph.triples if triples is None else triples
    symbols = SymbolTable()
    ids = symbols.intern_many(term_of(name) for name in graph.entities)
    base = FactBase(symbols)
    for number, relation in enumerate(graph.relations):
        mine = triples[triples[:, 1] == number]
        if relation == RDF_TYPE:
            for entity in np.unique(mine[:, 2]).tolist():
                rows = ids[mine[mine[:, 2] == entity][:, [0]]]
                base.tables[(predicate_of_iri(graph.entities[entity]), 1)] = _table(rows)
        elif len(mine):
            base.tables[(predicate_of(relation), 2)] = _table(ids[mine[:, [0, 2]]])
    return base


def _table(rows: np.ndarray) -> Table:
    return Table(np.ascontiguousarray(rows, np.int32), np.full(len(rows), -1, np.int32))


def _is_thing(value: Value) -> bool:
    return isinstance(value, Iri | Symbol)


def _name(value: Value) -> str:
    return value.value if isinstance(value, Iri) else value.name if isinstance(value, Symbol) else spell(value)


# ------------------------------------------------------------------------------------------ other libraries' graphs


def from_networkx(graph: networkx.Graph, relation: str = "relation", default: str = "edge") -> TripleGraph:
    """Edges by their attribute `relation`; an undirected edge is one each way."""
    entities, kinds = Numbering(str(n) for n in graph.nodes), Numbering()
    rows = [
        (entities[str(s)], kinds[str(d.get(relation, default))], entities[str(t)]) for s, t, d in graph.edges(data=True)
    ]
    if not graph.is_directed():
        rows += [(t, r, s) for s, r, t in rows]
    labels = {str(n): str(d["label"]) for n, d in graph.nodes(data=True) if "label" in d}
    return TripleGraph(entities.names, kinds.names, distinct(np.array(rows, np.int64).reshape(-1, 3)), labels)


def to_networkx(graph: TripleGraph) -> networkx.MultiDiGraph:
    """A directed multigraph: nodes by name, with `label` where known; edges with `relation`."""
    import networkx

    made = networkx.MultiDiGraph()
    for name in graph.entities:
        made.add_node(name, **({"label": graph.labels[name]} if name in graph.labels else {}))
    for head, relation, tail in graph.triples.tolist():
        made.add_edge(graph.entities[head], graph.entities[tail], relation=graph.relations[relation])
    return made


def from_hetero(data: Any, names: Mapping[str, Sequence[str]] | None = None) -> TripleGraph:
    """The edges of a torch_geometric HeteroData; relations are `source__name__target`, entities `type/number`.

    Args:
        names: node type → names of its nodes, instead of numbers.
    """
    entities, relations = Numbering(), Numbering()
    first: dict[str, int] = {}
    for kind in data.node_types:
        first[kind] = len(entities.ids)
        known = None if names is None else names.get(kind)
        for k in range(data[kind].num_nodes):
            entities[f"{kind}/{k}" if known is None else known[k]]
    rows: list[Long] = []
    for source, name, target in data.edge_types:
        index = data[source, name, target].edge_index.numpy(force=True)
        relation = np.full(index.shape[1], relations[f"{source}__{name}__{target}"])
        rows.append(np.column_stack([index[0] + first[source], relation, index[1] + first[target]]))
    triples = np.concatenate(rows) if rows else np.zeros((0, 3), np.int64)
    return TripleGraph(entities.names, relations.names, distinct(triples))


def from_pykeen(factory: Any) -> TripleGraph:
    """A PyKEEN triples factory, with its numbering."""
    return TripleGraph(
        _in_order(factory.entity_to_id), _in_order(factory.relation_to_id),
        factory.mapped_triples.numpy(force=True).astype(np.int64),
    )  # fmt: skip


def to_pykeen(graph: TripleGraph, triples: Long | None = None) -> Any:
    """A PyKEEN triples factory with the graph's numbering; needs pykeen."""
    import torch
    from pykeen.triples import TriplesFactory  # pyright: ignore[reportMissingImports]

    return TriplesFactory(
        torch.from_numpy(graph.triples if triples is None else triples),
        entity_to_id=dict(graph.entity_ids), relation_to_id=dict(graph.relation_ids),
    )  # fmt: skip


def _in_order(ids: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=ids.__getitem__))


__all__ = [
    "GraphCheck", "Numbering", "distinct", "from_facts", "from_hetero", "from_networkx", "from_pykeen", "read_split",
    "read_tsv", "to_facts", "to_networkx", "to_pykeen",
]  # fmt: skip
