"""RDF files as triples of terms; the only door to rdflib and pyoxigraph.

pyoxigraph reads the formats it knows (about ten times faster, with the line of an error); rdflib reads all others.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from os import PathLike
from pathlib import Path

from neurosym.errors import FactError, Place
from neurosym.lang.terms import XSD, Iri, Value, literal_value

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
                known = Iri(term.value)
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
            return Iri(str(term))
        if isinstance(term, rdflib.BNode):
            return Iri(mark + str(term))
        if isinstance(term, rdflib.Literal):
            return _literal(path, data, str(term), str(term.datatype) if term.datatype else None, term.language)
        raise FactError(f"{path}: {term!r} is no RDF term", code="NS302")

    return [(value(s), value(p), value(o)) for s, p, o, _ in graph.quads()]
