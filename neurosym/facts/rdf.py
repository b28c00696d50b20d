"""RDF as triples of terms, read and written; the only door to rdflib and pyoxigraph.

pyoxigraph reads the formats it knows (about ten times faster, with the line of an error); rdflib reads all others.
pyoxigraph also writes.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from neurosym.errors import FactError, Place
from neurosym.lang.terms import XSD, Iri, LangString, Symbol, TypedLiteral, Value, literal_value

if TYPE_CHECKING:
    import pyoxigraph

_OXIGRAPH = {
    ".ttl": "TURTLE",
    ".nt": "N_TRIPLES",
    ".nq": "N_QUADS",
    ".trig": "TRIG",
    ".rdf": "RDF_XML",
    ".owl": "RDF_XML",
    ".xml": "RDF_XML",
    ".n3": "N3",
    ".jsonld": "JSON_LD",
}
Triple = tuple[Value, Value, Value]
Quad = tuple[Value, Value, Value, Iri | None]
# name → format of pyoxigraph, whether it holds named graphs
WRITTEN = {
    "turtle": ("TURTLE", False), "ttl": ("TURTLE", False), "n-triples": ("N_TRIPLES", False),
    "nt": ("N_TRIPLES", False), "trig": ("TRIG", True), "n-quads": ("N_QUADS", True), "nq": ("N_QUADS", True),
    "json-ld": ("JSON_LD", True), "jsonld": ("JSON_LD", True),
}  # fmt: skip
BLANK = "urn:neurosym:blank:"
_RANDOM = re.compile(r"[0-9a-f]{24,32}\Z")
_PREFIX = re.compile(r"^\s*(?:@prefix|PREFIX)\s+([\w.\-]+):\s*<([^<>\s]*)>", re.M | re.I)


def read_rdf(path: str | PathLike[str], format: str | None = None) -> tuple[list[Triple], list[Place], dict[str, str]]:
    """The triples of a file, their place (one for all: the file), and the prefixes it declares.

    Args:
        format: a file suffix without its dot (`ttl`, `nt`, `rdf`, …); by default the file's own.

    Raises:
        FactError: NS301 the file cannot be read, NS302 it is broken; names file and line.
    """
    path = Path(path)
    suffix = f".{format}" if format else path.suffix.lower()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FactError(f"{path}: {error.strerror}", code="NS301", help="check the path") from None
    name = _OXIGRAPH.get(suffix)
    if suffix == ".owl" and not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        name = "TURTLE"  # ontology editors save Turtle under .owl, too
    triples = _with_rdflib(path, data, format) if name is None else _with_oxigraph(path, data, name)
    text = data[:65536].decode("utf-8", "replace")
    return triples, [Place(str(path))], dict(_PREFIX.findall(text)) if name in ("TURTLE", "TRIG", "N3") else {}


def _with_oxigraph(path: Path, data: bytes, name: str) -> list[Triple]:
    import pyoxigraph as ox

    base = path.resolve().as_uri() if name in ("RDF_XML", "TURTLE", "TRIG", "N3", "JSON_LD") else None
    mark = _blank_mark(path, data)
    cache: dict[object, Value] = {}

    def value(term: object) -> Value:
        known = cache.get(term)
        if known is None:
            if isinstance(term, ox.NamedNode):
                known = Iri(blank_name(term.value))
            elif isinstance(term, ox.BlankNode):
                # pyoxigraph labels a node `[]` at random: its hash would differ at every reading.
                known = Iri(f"{mark}[{len(cache)}]" if _RANDOM.match(term.value) else mark + term.value)
            elif isinstance(term, ox.Literal):
                known = _literal(path, data, term.value, term.datatype.value, term.language)
            else:
                raise FactError(f"{path}: quoted triples are not supported", code="NS302")
            cache[term] = known
        return known

    try:
        quads = ox.parse(data, getattr(ox.RdfFormat, name), base_iri=base)
        return [(value(q.subject), value(q.predicate), value(q.object)) for q in quads]
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise FactError(f"{path}{line}: {error.msg}", code="NS302", help="the file is not valid RDF there") from None
    except ValueError as error:
        raise FactError(f"{path}: {error}", code="NS302") from None


def _blank_mark(path: Path, data: bytes) -> str:
    """What blank nodes of a file start with: those of two files are two nodes, whatever their labels and file names.

    It is taken from the content, not from the folder, so that moving a file does not change the hash of its facts.
    """
    return f"_:{path.stem}.{hashlib.sha256(data).hexdigest()[:8]}."


def _literal(path: Path, data: bytes, text: str, datatype: str | None, lang: str | None) -> Value:
    try:
        return literal_value(text, datatype, lang)
    except ValueError as error:
        name = (datatype or "").removeprefix(XSD)
        raise FactError(
            f"{path}{_line_of(data, text)}: `{text}` is no value of xsd:{name}", code="NS305", note=str(error),
            help="correct the literal",
        ) from None  # fmt: skip


def _line_of(data: bytes, text: str) -> str:
    """`:LINE` where a typed literal first stands in a file, as far as a search can tell: parsers give no line."""
    word = re.escape(text)
    forms = (
        rf"""["']{word}["']\s*\^\^""",
        rf">\s*{word}\s*<",
        rf'"@?value"\s*:\s*"?{word}\b',
        rf"(?<![\w.\"'-]){word}(?![\w\"'-])",
    )
    source = data.decode("utf-8", "replace")
    found = next((m for form in forms if (m := re.search(form, source))), None)
    return f":{source.count(chr(10), 0, found.start()) + 1}" if found else ""


def _with_rdflib(path: Path, data: bytes, format: str | None) -> list[Triple]:
    import rdflib
    from rdflib.util import guess_format

    graph = rdflib.Dataset()
    kind = format or guess_format(path.name)
    if kind is None:
        known = ", ".join(sorted(_OXIGRAPH))
        raise FactError(f"{path}: unknown RDF format", code="NS302", help=f"known suffixes: {known}; or pass format=")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of rdflib's own making
            graph.parse(data=data, format=kind)
    except Exception as error:  # rdflib's parsers raise whatever they meet
        line = getattr(error, "lines", None)
        where = f":{line + 1}" if isinstance(line, int) else ""
        raise FactError(f"{path}{where}: {' '.join(str(error).split())[:300]}", code="NS302") from None

    mark = _blank_mark(path, data)

    def value(term: object) -> Value:
        if isinstance(term, rdflib.URIRef):
            return Iri(blank_name(str(term)))
        if isinstance(term, rdflib.BNode):
            return Iri(mark + str(term))
        if isinstance(term, rdflib.Literal):
            return _literal(path, data, str(term), str(term.datatype) if term.datatype else None, term.language)
        raise FactError(f"{path}: {term!r} is no RDF term", code="NS302")

    return [(value(s), value(p), value(o)) for s, p, o, _ in graph.quads()]


# --------------------------------------------------------------------------------------------------------- writing


def write_rdf(quads: Iterable[Quad], format: str = "turtle", prefixes: Mapping[str, str] | None = None) -> str:
    """Triples as text, in an order of their own: the same triples give the same text.

    What is no IRI is made one: blank nodes are skolemised (`urn:neurosym:blank:…`), so that two texts loaded into one
    graph never mean two nodes by one label; characters that no IRI has are percent-encoded.

    Args:
        quads: subject, predicate, object, and the named graph or None for the default one.
        format: one of `WRITTEN`.
        prefixes: shorten IRIs in Turtle and TriG.

    Raises:
        FactError: NS302, the format is not written, or has no named graphs where one is needed.
    """
    import pyoxigraph as ox

    if format.lower() not in WRITTEN:
        names = ", ".join(WRITTEN)
        raise FactError(f"RDF is not written as `{format}`", code="NS302", help=f"formats that are: {names}")
    name, graphs = WRITTEN[format.lower()]
    known: dict[str, tuple[ox.NamedNode, str]] = {}

    def term(value: Value) -> tuple[ox.NamedNode | ox.Literal, str]:
        """The term with its spelling; an IRI stands in many triples, and is made once."""
        if not isinstance(value, Iri):
            literal = _term(value)
            return literal, str(literal)
        if value.value not in known:
            node = _resource(value)
            known[value.value] = node, str(node)
        return known[value.value]

    made: dict[tuple[str, ...], ox.Quad] = {}
    for s, p, o, graph in quads:
        if graph is not None and not graphs:
            raise FactError(f"`{format}` has no named graphs", code="NS302", help="write trig, nq or jsonld")
        where, at = (ox.DefaultGraph(), "") if graph is None else term(graph)
        (subject, one), (predicate, two), (found, three) = term(s), term(p), term(o)
        assert not isinstance(subject, ox.Literal) and not isinstance(predicate, ox.Literal), (s, p)
        assert not isinstance(where, ox.Literal)
        made[at, one, two, three] = ox.Quad(subject, predicate, found, where)
    ordered = [made[key] for key in sorted(made)]
    data = ox.serialize(ordered if graphs else [q.triple for q in ordered], format=getattr(ox.RdfFormat, name),
                        prefixes=dict(prefixes or {}))  # fmt: skip
    assert data is not None
    return data.decode()


def spell_triple(triple: Triple) -> tuple[str, str, str] | None:
    """The terms of a triple as N-Triples spells them; None where it is none, for a `Symbol` is no RDF term."""
    if any(isinstance(term, Symbol) for term in triple) or not all(isinstance(term, Iri) for term in triple[:2]):
        return None
    return str(_resource(triple[0])), str(_resource(triple[1])), str(_term(triple[2]))


def read_triple(texts: Sequence[str]) -> Triple:
    """The triple whose terms `spell_triple` spelled.

    Raises:
        ValueError: the texts are no terms.
    """
    import pyoxigraph as ox

    try:
        # strict, one at a time: a text that closes the triple and opens another one is no term
        (quad,) = ox.parse(" ".join((*texts, ".")).encode(), ox.RdfFormat.N_TRIPLES)
    except (SyntaxError, ValueError):
        raise ValueError(f"{texts!r} is no triple") from None
    subject, predicate, found = quad.subject, quad.predicate, quad.object
    if not isinstance(subject, ox.NamedNode) or (str(subject), str(predicate), str(found)) != tuple(texts):
        raise ValueError(f"{texts!r} is no triple")
    if isinstance(found, ox.NamedNode):
        return Iri(subject.value), Iri(predicate.value), Iri(found.value)
    if not isinstance(found, ox.Literal):
        raise ValueError(f"{texts!r} is no triple")
    value = literal_value(found.value, found.datatype.value, found.language)
    return Iri(subject.value), Iri(predicate.value), value


def valid_iri(text: str) -> str:
    """An absolute IRI for any text; one that is absolute and valid stays as it is."""
    import pyoxigraph as ox

    if text.startswith("_:"):
        return BLANK + quote(text[2:], safe="")
    encoded = re.sub(r"[\x00-\x20<>\"{}|\\^`\x7f-\x9f\ud800-\udfff]", lambda m: quote(m[0], errors="replace"), text)
    for candidate in (text, encoded):
        try:
            return ox.NamedNode(candidate).value
        except ValueError:  # surrogates, too, which are not Unicode
            continue
    return "urn:neurosym:iri:" + quote(text, safe="", errors="replace")


def blank_name(iri: str) -> str:
    """The blank node that a skolem IRI stands for (`_:…`); any other IRI as it is."""
    return "_:" + unquote(iri.removeprefix(BLANK)) if iri.startswith(BLANK) else iri


def _resource(value: Value) -> pyoxigraph.NamedNode:
    import pyoxigraph as ox

    assert isinstance(value, Iri), value
    return ox.NamedNode(valid_iri(value.value))


_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*\Z")


def _term(value: Value) -> pyoxigraph.NamedNode | pyoxigraph.Literal:
    """The RDF term of a value."""
    import pyoxigraph as ox

    def typed(text: str, kind: str) -> ox.Literal:
        return ox.Literal(text, datatype=ox.NamedNode(XSD + kind))

    match value:
        case Iri():
            return _resource(value)
        case LangString(text, lang):
            return ox.Literal(_unicode(text), language=lang if _LANGUAGE.match(lang) else None)
        case TypedLiteral(text, datatype):
            return ox.Literal(_unicode(text), datatype=ox.NamedNode(valid_iri(datatype)))
        case bool():
            return typed("true" if value else "false", "boolean")
        case int():
            return typed(str(value), "integer")
        case float():
            return typed(repr(value).replace("inf", "INF").replace("nan", "NaN"), "double")
        case datetime.date():
            return typed(value.isoformat(), "date")
        case _:
            return ox.Literal(_unicode(value.name if isinstance(value, Symbol) else value))


def _unicode(text: str) -> str:
    """The text without halves of surrogate pairs, which cannot be written."""
    return text.encode("utf-8", "replace").decode()
