"""Hostile strings on their way through RDF: names, literals and IRIs that readers take, and give back."""

from __future__ import annotations

from dataclasses import replace

import pyoxigraph as ox
import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

import neurosym as ns
from neurosym.explain.views import vocabulary
from neurosym.facts.rdf import BLANK, blank_name, read_triple, spell_triple, valid_iri, write_rdf
from neurosym.lang.terms import XSD, LangString, TypedLiteral, Value, term_key
from tests.explain.samples import addition
from tests.explain.views.made import EX, RDFLIB_FORMATS, dataset, iri

NASTY = [
    'say "no"',
    "two\nlines\r",
    "back\\slash",
    "\x00\x01\x7f\x85",
    "<b>&amp;</b>",
    "\u202egnp.exe",
    "\ufffe",
    "'''",
]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("format", RDFLIB_FORMATS)
def test_hostile_strings_come_back(text: str, format: str) -> None:
    why = addition()
    rule = replace(why.rules[0], text=text, source=text)
    claim = replace(why.claim, label=text, atom=text)
    hostile = replace(why, rules=(rule,), claim=claim, warnings=(text,))
    found = dataset(hostile.to_rdf(format=format), RDFLIB_FORMATS[format])
    for name in (rdflib.DCTERMS.bibliographicCitation, rdflib.URIRef(vocabulary.NS + "text"), rdflib.RDFS.label):
        assert text in {str(o) for _, _, o, _ in found.quads((None, name, None, None))}


def test_literals_and_iris_of_the_data_come_back() -> None:
    odd = ns.Iri('http://example.org/a b<c>"d"')
    literals = ['a "b"\n', LangString("Guten\tTag", "de-at"), 4, 2.5, True, TypedLiteral("P1Y", XSD + "duration")]
    triples = [(odd, iri("note"), value) for value in literals] + [(ns.Iri("_:x.b 0"), iri("note"), odd)]
    program = ns.Program.from_text(
        "@prefix ex: <http://example.org/> . rule copy weight 0.5 if ex:note(?s, ?o) then ex:said(?s, ?o) ."
    )
    answers = ns.Reasoner(program, ns.FactBase.from_triples(triples)).query("ex:said(S, O)")
    text = ns.to_rdf([ns.explain(answers, a, contributions=False) for a in answers.atoms], graph="http://example.org/g")
    data = dataset(text, "trig")
    named = {(str(s), o) for s, _, o, g in data.quads() if str(g) == "http://example.org/g"}
    encoded = "http://example.org/a%20b%3Cc%3E%22d%22"
    lit = rdflib.Literal
    assert named == {
        (encoded, lit('a "b"\n')), (encoded, lit("Guten\tTag", lang="de-at")), (encoded, lit(4)), (encoded, lit(2.5)),
        (encoded, lit(True)), (encoded, lit("P1Y", datatype=XSD + "duration")),
        (BLANK + "x.b%200", rdflib.URIRef(encoded)),
    }  # fmt: skip


@given(st.text())
def test_any_text_is_an_iri_that_readers_take(text: str) -> None:
    made = valid_iri(text)
    assert ox.NamedNode(made).value == made == valid_iri(made)
    (triple,) = ox.parse(f"<{made}> <{made}> <{made}> .".encode(), ox.RdfFormat.N_TRIPLES)
    assert triple.subject.value == made


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_blank_nodes_have_a_name_of_their_own(text: str) -> None:
    assert blank_name(valid_iri("_:" + text)) == "_:" + text
    assert blank_name(EX + "a") == EX + "a"


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.dates(),
    st.builds(LangString, TEXTS, st.sampled_from(["de", "en-gb", "zh-hant-tw"])),
    st.builds(TypedLiteral, TEXTS, st.just(EX + "kind")), st.sampled_from([iri("a"), iri("ä")]),
)  # fmt: skip


@given(VALUES)
def test_triples_are_read_back(value: Value) -> None:
    texts = spell_triple((iri("s"), iri("p"), value))
    assert texts is not None
    found = read_triple(texts)
    assert term_key(found[2]) == term_key(value)
    text = write_rdf([(iri("s"), iri("p"), value, None)])
    assert ns.FactBase.from_triples([found]).sha256() == _base(text).sha256()


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert spell_triple((iri("s"), iri("p"), "a\ud800b")) == (f"<{EX}s>", f"<{EX}p>", '"a?b"')
    assert spell_triple((ns.Iri(EX + "\udfff"), iri("p"), ns.Symbol("bob"))) is None


def _base(text: str) -> ns.FactBase:
    quads = ox.parse(text.encode(), ox.RdfFormat.TURTLE)
    return ns.FactBase.from_triples([read_triple((str(q.subject), str(q.predicate), str(q.object))) for q in quads])


@pytest.mark.parametrize(
    "texts",
    [
        ("<a:b>", "<a:b>", "<a:b> . <a:c> <a:d> <a:e>"), ("<a:b>", "<a:b>", ""), ("_:x", "<a:b>", "<a:b>"),
        ("<a:b>", '"x"', "<a:b>"), ("a", "b", "c"), ("<a:b>", "<a:b>", '"x"^^<' + XSD + "integer>"),
        ("<a:b>", "<a:b>", "_:x"), ("<a:b>", "<a:b>", "<<( <a:b> <a:b> <a:b> )>>"),
    ],
)  # fmt: skip
def test_what_is_no_triple_is_refused(texts: tuple[str, str, str]) -> None:
    with pytest.raises(ValueError):
        read_triple(texts)
    why = addition()
    hostile = replace(why, nodes=why.nodes | {"n0": replace(why.nodes["n0"], triple=texts)})
    with pytest.raises(ns.NeurosymError) as caught:
        hostile.to_rdf()
    assert caught.value.code == "NS860"
