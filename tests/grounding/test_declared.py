"""Declared types held against the facts that come with the data."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neurosym as ns
from neurosym.errors import GroundingError
from neurosym.facts import SymbolTable
from neurosym.grounding import ground
from neurosym.grounding.declared import misfits
from neurosym.lang import Iri, LangString, Symbol, TypedLiteral, TypeRef, parse_text
from neurosym.lang.checks.types import fits

VALUES = [
    1, 1.0, True, False, -3, 2.5, "text", "1", Symbol("low"), Symbol("true"), Iri("http://e.example/a"),
    LangString("chat", "fr"), TypedLiteral("x", "http://e.example/t"), datetime.date(2024, 5, 17),
]  # fmt: skip
TYPES = [
    *(TypeRef(kind) for kind in ("any", "symbol", "string", "int", "float", "bool", "date", "Image", "Text", "Tensor")),
    TypeRef("class", iri="http://e.example/C"),
    TypeRef("enum", values=(Symbol("low"), Symbol("high"))),
    TypeRef("enum", values=tuple(range(3))),
    TypeRef("enum", values=(True, "1", 2.5)),
]


@given(st.lists(st.sampled_from(VALUES)), st.sampled_from(TYPES))
def test_data_and_rule_text_are_judged_alike(values: list, type_: TypeRef) -> None:
    symbols = SymbolTable()
    ids = np.array([symbols.intern(v) for v in values], np.int32)
    assert misfits(ids, type_, symbols).tolist() == [not fits(v, type_) for v in values]


def refused(text: str, facts: ns.FactBase) -> GroundingError:
    with pytest.raises(GroundingError) as caught:
        ground(parse_text(text, "ward.rules", facts_predicates=facts.predicates), facts)
    assert caught.value.code == "NS425"
    return caught.value


def test_a_table_is_refused_with_line_value_and_count(tmp_path: Path) -> None:
    path = tmp_path / "temperature.csv"
    path.write_text("patient,celsius\np1,39.2\np2,37\np3,warm\np4,39.0\np5,hot\n", "utf-8")
    error = refused("\npred temperature(patient: symbol, celsius: float) .", ns.FactBase.from_csv(path))
    assert f"{path}:4: `warm` is no float" in error.message
    assert "argument `celsius` of `temperature/2`" in error.message
    assert "2 facts" in error.note and "ward.rules:2" in error.note


def test_rdf_under_a_name_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "ward.ttl"
    path.write_text('@prefix ex: <http://e.example/> . ex:a ex:age 41 . ex:b ex:age "old" .', "utf-8")
    text = "@prefix ex: <http://e.example/> . pred age(who: ex:Person, years: 0..120) from ex:age . a(X) :- age(X, _)."
    error = refused(text, ns.FactBase.from_rdf(path))
    assert f'{path}: `"old"` is no value of its enumeration' in error.message and "1 fact of" in error.note
    # the same where the program ranges over all triples, and its predicates are kept in one relation
    refused(text + " b(P) :- triple(_, P, _).", ns.FactBase.from_rdf(path))


def test_all_arguments_that_do_not_fit_are_told_at_once() -> None:
    facts = ns.FactBase.from_facts([("p", (1, "a")), ("p", (2, "b")), ("q", (Symbol("x"),))])
    error = refused("pred p(a: symbol, b: int) . pred q(c: date) .", facts)
    assert "`1` is no symbol" in error.message
    assert "also 2 of `p/2` at `b`, first given" in error.note and "`q/1` at `c`" in error.note


@pytest.mark.parametrize(
    ("type_", "value", "help"),
    [
        ("string", Symbol("alice"), 'quotation marks, `"alice"`'),
        ("symbol", "New York", "declare `string`"),
        ("int", 5.0, "declare `float`"),
        ("<http://e.example/C>", 5, "names or IRIs"),
        ("bool", 1, "correct the data"),
    ],
)
def test_the_help_knows_the_usual_slips(type_: str, value: ns.Symbol, help: str) -> None:
    assert help in refused(f"pred p(a: {type_}) .", ns.FactBase.from_facts([("p", (value,))])).help


def test_what_fits_is_loaded() -> None:
    facts = ns.FactBase.from_facts(
        [("p", (1, 2.5, Symbol("a"), True)), ("p", (2.5, 1, Iri("http://e.example/a"), False))]
    )
    text = "pred p(a: float, b: float, c: <http://e.example/C>, d: bool) . a(X) :- p(X, _, _, _)."
    assert len(ns.Reasoner(parse_text(text), facts).query("a(X)").atoms) == 2


def test_facts_that_the_program_does_not_read_are_not_judged() -> None:
    facts = ns.FactBase.from_facts([("p", (1,)), ("r", ("x",))])
    ground(parse_text("pred p(a: int) . a(X) :- p(X)."), facts)


def test_neural_facts_that_are_given_have_its_values() -> None:
    text = "neural digit(i: Image, d: 0..9) by net . a(X) :- digit(x, X)."
    refused(text, ns.FactBase.from_facts([("digit", (Symbol("x"), 10))]))
