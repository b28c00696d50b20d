"""Facts from RDF in every format, CSV, pandas and networkx."""

from __future__ import annotations

import datetime
import itertools
import pickle
import random
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import rdflib

from neurosym.errors import FactError
from neurosym.facts import FactBase, FactRows, SymbolTable, Table
from neurosym.lang import parse_atom
from neurosym.lang.ast import Const
from neurosym.lang.terms import XSD, Iri, LangString, Symbol, TypedLiteral, Value, spell

EX = "http://example.org/"
TURTLE = """@prefix ex: <http://example.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
ex:ann a ex:Patient ; ex:age 40 ; ex:weight 61.5 ; ex:big 1.0e3 ; ex:smokes false ; ex:name "Ann", "Anne"@FR ;
  ex:seen "2024-05-17"^^xsd:date ; ex:knows ex:bob ; ex:dose "5"^^ex:mg ; ex:short "7"^^xsd:int .
ex:bob a ex:Patient, ex:Doctor .
"""
# every Turtle file is a TriG file, and every N-Triples file an N-Quads file
FORMATS = {"ttl": "turtle", "nt": "nt", "rdf": "xml", "n3": "n3", "jsonld": "json-ld", "trig": "turtle", "nq": "nt"}


@pytest.fixture
def turtle(tmp_path: Path) -> Path:
    path = tmp_path / "people.ttl"
    path.write_text(TURTLE, encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_agree(turtle: Path, tmp_path: Path, suffix: str) -> None:
    graph = rdflib.Graph().parse(data=TURTLE, format="turtle")
    other = tmp_path / f"other.{suffix}"
    other.write_text(graph.serialize(format=FORMATS[suffix]), encoding="utf-8")
    assert FactBase.from_rdf(other).sha256() == FactBase.from_rdf(turtle).sha256()


def test_rdflib_reads_the_rest(turtle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.data"
    other.write_text(rdflib.Graph().parse(data=TURTLE, format="turtle").serialize(format="hext"), encoding="utf-8")
    assert FactBase.from_rdf(other, format="hext").sha256() == FactBase.from_rdf(turtle).sha256()
    with pytest.raises(FactError, match="unknown RDF format") as caught:
        FactBase.from_rdf(other)
    assert caught.value.code == "NS302"


def test_owl_suffix_holds_xml_or_turtle(turtle: Path, tmp_path: Path) -> None:
    xml, plain = tmp_path / "a.owl", tmp_path / "b.owl"
    xml.write_text(rdflib.Graph().parse(data=TURTLE, format="turtle").serialize(format="xml"), encoding="utf-8")
    plain.write_text(TURTLE, encoding="utf-8")
    assert FactBase.from_rdf(xml).sha256() == FactBase.from_rdf(plain).sha256()


def test_literals_are_typed(turtle: Path) -> None:
    base = FactBase.from_rdf(turtle)
    ann = Iri(EX + "ann")

    def values(name: str) -> list:
        return [row[1] for row in base.lookup(f"<{EX}{name}>", (ann, None))]

    assert base.prefixes["ex"] == EX
    assert values("age") == [40] and type(values("age")[0]) is int
    assert values("weight") == [61.5]
    assert values("big") == [1000.0]
    assert values("smokes") == [False] and type(values("smokes")[0]) is bool
    assert values("seen") == [datetime.date(2024, 5, 17)]
    assert values("short") == [7]
    assert values("dose") == [TypedLiteral("5", EX + "mg")]
    assert set(values("name")) == {"Ann", LangString("Anne", "fr")}
    assert values("knows") == [Iri(EX + "bob")]
    assert len(base.lookup(f"<{EX}Patient>", (None,))) == 2


def test_broken_turtle_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttl"
    path.write_text("@prefix ex: <http://example.org/> .\nex:a ex:b ex:c .\nex:a ex:b .\n", encoding="utf-8")
    with pytest.raises(FactError) as caught:
        FactBase.from_rdf(path)
    assert caught.value.code == "NS302"
    assert f"{path}:3" in caught.value.message


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_literal_out_of_its_type_is_named(tmp_path: Path, suffix: str) -> None:
    graph = rdflib.Graph()
    subject, relation = rdflib.URIRef("http://e/a"), rdflib.URIRef("http://e/b")
    for text, type_ in (("forty", rdflib.XSD.string), ("forty", rdflib.XSD.integer), ("5", rdflib.XSD.integer)):
        graph.add((subject, relation, rdflib.Literal(text, datatype=type_, normalize=False)))
    path = tmp_path / f"broken.{suffix}"
    path.write_text(graph.serialize(format=FORMATS[suffix]), encoding="utf-8")
    with pytest.raises(FactError, match="forty") as caught:
        FactBase.from_rdf(path)
    assert caught.value.code == "NS305"
    line = int(caught.value.message.removeprefix(f"{path}:").split(":")[0])
    near = path.read_text(encoding="utf-8").splitlines()[line - 1 : line + 2]
    assert any("forty" in text for text in near)


def test_a_number_that_does_not_fit_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttl"
    path.write_text("<http://e/a> <http://e/b> 1 .\n\n<http://e/a> <http://e/b> 99999999999999999999 .\n")
    with pytest.raises(FactError) as caught:
        FactBase.from_rdf(path)
    assert caught.value.message.startswith(f"{path}:3: `99999999999999999999`")


def test_a_date_with_a_time_zone_is_a_literal_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "dates.nt"
    dates = ("2024-05-17", "2024-05-17Z", "2024-05-17+02:00")
    path.write_text("".join(f'<http://e/a> <http://e/on> "{d}"^^<{XSD}date> .\n' for d in dates))
    facts = FactBase.from_rdf(path)
    (table,) = facts.tables.values()
    found = set(facts.symbols.values(table.rows[:, 1]))
    assert found == {datetime.date(2024, 5, 17), *(TypedLiteral(d, XSD + "date") for d in dates[1:])}
    for bad in ("2024-13-01Z", "2024-05-17+15:00", "2024-05-17 Z"):
        path.write_text(f'<http://e/a> <http://e/on> "{bad}"^^<{XSD}date> .\n')
        with pytest.raises(FactError) as caught:
            FactBase.from_rdf(path)
        assert caught.value.code == "NS305" and caught.value.message.startswith(f"{path}:1:")


def test_missing_file(tmp_path: Path) -> None:
    for read in (FactBase.from_rdf, FactBase.from_csv):
        with pytest.raises(FactError, match=r"nowhere") as caught:
            read(tmp_path / "nowhere.ttl")
        assert caught.value.code == "NS301"


def test_blank_nodes_of_two_files_differ(tmp_path: Path) -> None:
    paths = []
    for folder in ("one", "two"):  # the same file name, too
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "data.ttl"
        text = f"# {folder}\n@prefix ex: <http://example.org/> .\n_:b a ex:Thing .\n_:b ex:p _:b .\n"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    base = FactBase.from_rdf(*paths)
    things = {row[0] for row in base.lookup(f"<{EX}Thing>", (None,))}
    assert len(things) == 2
    assert {a == b for a, b in base.lookup(f"<{EX}p>", (None, None))} == {True}
    joined = FactBase.from_rdf(paths[0]) + FactBase.from_rdf(paths[1])
    assert joined.sha256() == base.sha256()
    assert len(FactBase.from_rdf(paths[0], paths[0])) == 2  # one file read twice is one file


@pytest.mark.parametrize("suffix", ["ttl", "trig"])
def test_a_node_without_a_label_is_the_same_at_every_reading(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data.{suffix}"
    path.write_text("@prefix ex: <http://example.org/> .\n[] ex:p [ ex:q 1 ] , _:b .\n", encoding="utf-8")
    base = FactBase.from_rdf(path)
    assert FactBase.from_rdf(path).sha256() == base.sha256()
    nodes = {a for row in base.lookup(f"<{EX}p>", (None, None)) for a in row}
    assert len(nodes) == 3
    assert all(parse_atom(f"p({spell(node)})").args == (Const(node),) for node in nodes), "and can be asked for"


def test_a_csv_file_without_rows_still_names_its_predicate(tmp_path: Path) -> None:
    path = tmp_path / "reading.csv"
    path.write_text("who,value\n", encoding="utf-8")
    base = FactBase.from_csv(path)
    assert base.predicates == {("reading", 2)}
    assert len(base) == 0


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "reading.csv"
    path.write_text(
        'who,value,day,note,link\nann,38.5,2024-05-17,"a, b",<http://example.org/x>\nBob,-3,2024-05-18,true,"\'Q\'"\n',
        encoding="utf-8",
    )
    base = FactBase.from_csv(path)
    assert base.lookup("reading", (None,) * 5) == [
        (Symbol("ann"), 38.5, datetime.date(2024, 5, 17), "a, b", Iri(EX + "x")),
        ("Bob", -3, datetime.date(2024, 5, 18), True, Symbol("Q")),
    ]
    table = base.tables[("reading", 5)]
    assert [str(base.places[p]) for p in table.places] == [f"{path}:2", f"{path}:3"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a,b\n1,2\n3\n", "NS303", ":3"),
        ("a,b\n1,\n", "NS304", ":2"),
        ("", "NS303", ""),
        ("a\n99999999999999999999\n", "NS305", ":2"),
        ("a\n2024-13-01\n", "NS305", ":2"),
    ],
)
def test_broken_csv(tmp_path: Path, text: str, code: str, place: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FactError) as caught:
        FactBase.from_csv(path)
    assert caught.value.code == code
    assert f"{path}{place}" in caught.value.message


def test_pandas() -> None:
    frame = pd.DataFrame({
        "who": ["ann", "Bob"], "n": [1, 2], "x": [0.5, 1.0], "day": pd.to_datetime(["2024-05-17", "2024-05-18"]),
        "ok": [True, False],
    })  # fmt: skip
    base = FactBase.from_pandas(frame, "reading")
    assert base.lookup("reading", (None,) * 5) == [
        (Symbol("ann"), 1, 0.5, datetime.date(2024, 5, 17), True),
        ("Bob", 2, 1.0, datetime.date(2024, 5, 18), False),
    ]
    assert FactBase.from_pandas(frame, "n", ["n"]).lookup("n", (None,)) == [(1,), (2,)]
    with pytest.raises(FactError, match="nothing"):
        FactBase.from_pandas(frame, "n", ["nothing"])
    for missing in (None, float("nan"), pd.NaT):
        with pytest.raises(FactError, match="column `x`") as caught:
            FactBase.from_pandas(pd.DataFrame({"x": [missing]}), "p")
        assert caught.value.code == "NS304"


def test_networkx() -> None:
    directed = nx.DiGraph()
    directed.add_edge("a", "b", relation="likes")
    directed.add_edge("b", 3)
    base = FactBase.from_networkx(directed)
    assert base.lookup("likes", (None, None)) == [(Symbol("a"), Symbol("b"))]
    assert base.lookup("edge", (None, None)) == [(Symbol("b"), 3)]
    assert len(FactBase.from_networkx(nx.Graph([(1, 2)])).lookup("edge", (None, None))) == 2


def test_the_hash_does_not_see_order_or_origin(turtle: Path, tmp_path: Path) -> None:
    facts = [("p", (1, Symbol("a"))), ("q", ("x",)), ("p", (2.0, True)), ("r", ())]
    base = FactBase.from_facts(facts)
    assert base.sha256() == FactBase.from_facts(facts[::-1], "elsewhere").sha256()
    assert (FactBase.from_facts(facts[:2]) + FactBase.from_facts(facts[1:])).sha256() == base.sha256()
    assert len(base + base) == 4
    for different in ([("p", (1,))], [("p", (1.0,))], [("p", (True,))], [("p", ("1",))], [("p", (Symbol("1"),))]):
        others = [[("p", (v,))] for v in (1, 1.0, True, "1", Symbol("1"))]
        same = [o for o in others if FactBase.from_facts(o).sha256() == FactBase.from_facts(different).sha256()]  # type: ignore[arg-type]
        assert len(same) == 1


def test_lookup_agrees_with_a_look_at_each_row() -> None:
    rng = random.Random(0)
    terms: list[Value] = [1, 1.0, True, "a", Symbol("a"), Symbol("b")]
    facts = [(name, tuple(rng.choices(terms, k=n))) for name in "pq" for n in range(4) for _ in range(60)]
    base = FactBase.from_facts(facts)
    again = pickle.loads(pickle.dumps(base))
    for name, n in itertools.product("pqr", range(4)):
        rows = [args for key, args in base if key == name and len(args) == n]
        for args in itertools.product([None, *terms, "nowhere"], repeat=n):
            expected = [
                row
                for row in rows
                if all(a is None or (type(a), a) == (type(v), v) for a, v in zip(args, row, strict=True))
            ]
            for one in (base, again):
                assert list(map(repr, one.lookup(name, args))) == list(map(repr, expected))
            if (name, n) in base.tables:
                assert FactRows(base)[name, n].lookup(args) == base.lookup(name, args)


def test_looking_up_rows_of_a_large_table_does_not_read_all_of_it() -> None:
    symbols, pairs = SymbolTable(), np.arange(1_000_000, dtype=np.int32)
    symbols.intern_many(range(1000))
    table = Table(np.stack([pairs // 1000, pairs % 1000], 1), np.full(len(pairs), -1, np.int32))
    base = FactBase(symbols, {("p", 2): table})
    begin = time.perf_counter()
    assert all(base.lookup("p", (k % 1000, k // 4)) == [(k % 1000, k // 4)] for k in range(4000))
    assert time.perf_counter() - begin < 2  # 0.1 s measured; each a look at all rows, 5 s
