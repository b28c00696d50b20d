"""The words of the RDF view: PROV-O, Dublin Core, and a small vocabulary of our own.

docs/reference/rdf.md describes every term below; a test holds the two together.
"""

from __future__ import annotations

from neurosym.lang.terms import RDF, RDFS, XSD, Iri

NS = "urn:neurosym:explanation#"
PROV = "http://www.w3.org/ns/prov#"
DCTERMS = "http://purl.org/dc/terms/"
PREFIXES = {"rdf": RDF, "rdfs": RDFS, "xsd": XSD, "prov": PROV, "dcterms": DCTERMS, "nsx": NS}

CLASSES = ("Explanation", "Claim", "Proof", "Fact", "Firing", "Rule", "Contribution", "Alternative")
PROPERTIES = (
    "explains", "proof", "root", "rank", "assumes", "contribution", "about", "without", "difference",
    "atom", "kind", "probability", "lower", "upper", "semantics", "method", "detail", "given", "warning", "statement",
    "denies", "opposes", "place", "value", "alternative", "binding", "text", "file", "line", "weight", "givenBy",
    "initialWeight", "learned", "credibleLower", "credibleUpper", "credibleLevel",
    "rulesHash", "factsHash", "weightsHash", "certificateHash", "seed", "version",
)  # fmt: skip


def own(name: str) -> Iri:
    """A term of our vocabulary."""
    assert name in CLASSES or name in PROPERTIES, name
    return Iri(NS + name)


def prov(name: str) -> Iri:
    """A term of PROV-O (W3C Recommendation, 30 April 2013)."""
    return Iri(PROV + name)


TYPE = Iri(RDF + "type")
LABEL = Iri(RDFS + "label")
STATEMENT, SUBJECT, PREDICATE, OBJECT = (Iri(RDF + n) for n in ("Statement", "subject", "predicate", "object"))
CITATION, SOURCE = Iri(DCTERMS + "bibliographicCitation"), Iri(DCTERMS + "source")
