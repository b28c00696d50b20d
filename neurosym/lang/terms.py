"""The values that terms take: symbols, IRIs, strings, numbers, dates and other literals.

Python's own equality is too coarse for terms (`2 == 2.0 == True`), so everything that compares or interns them uses
`term_key`. Terms follow RDF 1.1 where RDF has them; a symbol is Prolog's atom.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
STANDARD_PREFIXES: dict[str, str] = {"rdf": RDF, "rdfs": RDFS, "owl": OWL, "xsd": XSD}

_INTEGERS = {
    XSD + name
    for name in (
        "integer int long short byte nonNegativeInteger positiveInteger nonPositiveInteger negativeInteger "
        "unsignedLong unsignedInt unsignedShort unsignedByte"
    ).split()
}
_FLOATS = {XSD + "decimal", XSD + "double", XSD + "float"}
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Symbol:
    """A plain name: `alice`, `'Any text'`."""

    name: str


@dataclass(frozen=True, slots=True)
class Iri:
    """An RDF resource. A blank node is an `Iri` whose value starts with `_:`."""

    value: str


@dataclass(frozen=True, slots=True)
class LangString:
    """A string with a language tag: `"chat"@fr`."""

    text: str
    lang: str


@dataclass(frozen=True, slots=True)
class TypedLiteral:
    """A literal of a datatype that has no value of its own here; it is equal to itself only."""

    text: str
    datatype: str


Value = Symbol | Iri | LangString | TypedLiteral | str | bool | int | float | datetime.date
TermKey = tuple[str, object]


def term_key(value: Value) -> TermKey:
    """A hashable key under which two values are the same term: `2`, `2.0` and `true` are three."""
    if isinstance(value, float):
        return ("float", value + 0.0)  # -0.0 and 0.0 are one term
    return (type(value).__name__, value)


def literal_value(text: str, datatype: str | None = None, lang: str | None = None) -> Value:
    """The value of an RDF literal.

    Raises:
        ValueError: the text is not in the datatype's lexical space, or is NaN or too large for 64 bits.
    """
    if lang:
        return LangString(text, lang.lower())
    if datatype is None or datatype == XSD + "string":
        return text
    if datatype in _INTEGERS:
        _lexical(_INTEGER, text)
        number = int(text)
        if not INT64_MIN <= number <= INT64_MAX:
            raise ValueError(f"{text} does not fit into 64 bits")
        return number
    if datatype in _FLOATS:
        if text.strip() == "NaN":
            raise ValueError("NaN is no value")
        _lexical(_DECIMAL if datatype == XSD + "decimal" else _DOUBLE, text)
        return float(text.replace("INF", "inf"))
    if datatype == XSD + "boolean":
        if text not in ("true", "false", "1", "0"):
            raise ValueError(f"`{text}` is no xsd:boolean")
        return text in ("true", "1")
    if datatype == XSD + "date":
        _lexical(_DATE, text)
        date = datetime.date.fromisoformat(text.strip()[:10])
        # with a time zone it is another value than the date without one (XSD 1.1, 3.3.9.1), and no day of a calendar
        return date if len(text.strip()) == 10 else TypedLiteral(text.strip(), datatype)
    return TypedLiteral(text, datatype)


# Python's own readers take more than XSD does: `1_000`, `infinity`, `20240517`.
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?INF")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?")


def _lexical(pattern: re.Pattern[str], text: str) -> None:
    if not pattern.fullmatch(text.strip()):
        raise ValueError(f"`{text}` is not in the datatype's lexical space")


_PLAIN_SYMBOL = re.compile(r"[^\W\d_A-Z]\w*\Z")
_LOCAL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?\Z")
RESERVED = frozenset("and or not if then implies iff forall exists is mod true false fail".split())


def quote(text: str, mark: str) -> str:
    """The text between quotation marks, with escapes that the parser reads back."""
    escaped = text.replace("\\", "\\\\").replace(mark, "\\" + mark)
    escaped = escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return f"{mark}{escaped}{mark}"


def spell_iri(value: str, prefixes: Mapping[str, str]) -> str:
    """`ex:Aspirin` where a prefix fits, else `<http://…>`."""
    for prefix, base in prefixes.items():
        if value.startswith(base) and _LOCAL.match(value[len(base) :]):
            return f"{prefix}:{value[len(base) :]}"
    return f"<{value}>"


def is_plain_symbol(name: str) -> bool:
    """Whether the name is a symbol without quotation marks."""
    return bool(_PLAIN_SYMBOL.match(name)) and name[0] == name[0].lower() and name not in RESERVED


def spell_float(value: float) -> str:
    """The shortest decimal that reads back as the same float, with digits on both sides of the point."""
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent)}"
    return text


def spell(value: Value, prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> str:
    """The value as the rule language writes it; parsing it gives the value back."""
    match value:
        case bool():
            return "true" if value else "false"
        case Symbol(name):
            return name if is_plain_symbol(name) else quote(name, "'")
        case Iri(iri):
            return spell_iri(iri, prefixes)
        case LangString(text, lang):
            return f"{quote(text, chr(34))}@{lang}"
        case TypedLiteral(text, datatype):
            return f"{quote(text, chr(34))}^^{spell_iri(datatype, prefixes)}"
        case str():
            return quote(value, '"')
        case float():
            return spell_float(value)
        case datetime.date():
            return value.isoformat()
        case _:
            return str(value)


def predicate_of_iri(iri: str) -> str:
    """The predicate name that stands for an RDF class or property: the IRI in angle brackets."""
    return f"<{iri}>"


def spell_predicate(name: str, prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> str:
    """A predicate's name as the rule language writes it."""
    if name.startswith("<") and name.endswith(">"):
        return spell_iri(name[1:-1], prefixes)
    return name if is_plain_symbol(name) else quote(name, "'")
