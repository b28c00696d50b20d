"""`explain --rdf` and `--language`."""

from __future__ import annotations

from pathlib import Path

import rdflib

import neurosym as ns

RULES = """
@prefix ex: <http://example.org/> .
rule risk weight 0.8 source "Guideline A" if ex:takes(?p, ?d) then ex:at_risk(?p) because "{p} takes {d}" .
"""
FACTS = """
@prefix ex: <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:ann ex:takes ex:warfarin .
ex:warfarin rdfs:label "warfarin"@en , "Marcumar"@de .
"""


def ward(folder: Path) -> tuple[Path, str, Path]:
    (folder / "risk.rules").write_text(RULES, "utf-8")
    (folder / "ward.ttl").write_text(FACTS, "utf-8")
    return folder / "risk.rules", "--facts", folder / "ward.ttl"


def test_rdf(cli, tmp_path):
    out = tmp_path / "why.ttl"
    found = cli("explain", *ward(tmp_path), "--query", "ex:at_risk(X)", "--rdf", out)
    assert (found.status, found.out) == (0, f"wrote {out}\n") or f"wrote {out}" in found.err
    graph = rdflib.Graph()
    graph.parse(out, format="turtle")
    ann = rdflib.URIRef("http://example.org/ann")
    assert (ann, rdflib.RDF.type, rdflib.URIRef("http://example.org/at_risk")) in graph
    assert rdflib.Literal("Guideline A") in set(graph.objects(None, rdflib.DCTERMS.bibliographicCitation))


def test_rdf_beside_json_and_a_page(cli, tmp_path):
    out, page = tmp_path / "why.jsonld", tmp_path / "why.html"
    found = cli("explain", *ward(tmp_path), "--query", "ex:at_risk(X)", "--json", "--rdf", out, "--html", page)
    assert found.status == 0 and page.exists()
    stored = {k: v for k, v in found.json.items() if k not in ("diagnostics", "version")}
    assert stored["format"] == "neurosym-explanation/1"
    why = ns.Explanation.from_json(found.out)
    assert why.to_rdf(format="json-ld") == out.read_text("utf-8")
    assert why.to_html() == page.read_text("utf-8")


def test_a_file_that_cannot_be_written(cli, tmp_path):
    found = cli("explain", *ward(tmp_path), "--query", "ex:at_risk(X)", "--rdf", tmp_path / "no" / "why.ttl")
    assert found.status == 1 and "NS830" in found.err


def test_language(cli, tmp_path):
    for language, word in {"en": "warfarin", "de-AT": "Marcumar", "fr": "warfarin"}.items():
        found = cli("explain", *ward(tmp_path), "--query", "ex:at_risk(X)", "--language", language)
        assert found.status == 0 and f"ann takes {word}" in found.out
