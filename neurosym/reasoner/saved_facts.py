"""A fact base as a text file that reads back to exactly the same terms.

JSON lines: a header with places and prefixes, then one line for each fact, `[predicate, [term, …], place]`. Strings,
integers, floats and booleans are JSON's own; every other term is an object that names its kind.
"""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from neurosym.errors import ModelError, Place
from neurosym.facts import FactBase, Table
from neurosym.lang.terms import INT64_MAX, INT64_MIN, Iri, LangString, Symbol, TypedLiteral, Value

FORMAT = "neurosym-facts/1"


def term_to_json(value: Value) -> Any:
    """A term as JSON."""
    match value:
        case Symbol(name):
            return {"symbol": name}
        case Iri(iri):
            return {"iri": iri}
        case LangString(text, lang):
            return {"text": text, "lang": lang}
        case TypedLiteral(text, datatype):
            return {"text": text, "datatype": datatype}
        case datetime.date():
            return {"date": value.isoformat()}
        case float() if not math.isfinite(value):
            return {"float": repr(value)}
        case _:
            return value


def term_from_json(data: Any) -> Value:
    """The term that `term_to_json` wrote.

    Raises:
        ValueError: it is none.
    """
    match data:
        case {"symbol": str(name)}:
            return Symbol(name)
        case {"iri": str(iri)}:
            return Iri(iri)
        case {"text": str(text), "lang": str(lang)}:
            return LangString(text, lang)
        case {"text": str(text), "datatype": str(datatype)}:
            return TypedLiteral(text, datatype)
        case {"date": str(date)}:
            return datetime.date.fromisoformat(date)
        case {"float": str(number)}:
            return float(number)
        case int() if INT64_MIN <= data <= INT64_MAX:  # bool too
            return data
        case str() | float():
            return data
    raise ValueError(f"{data!r} is no term")


def write_facts(facts: FactBase, path: Path) -> None:
    """Write a fact base."""
    terms = [json.dumps(term_to_json(facts.symbols.value(k)), ensure_ascii=False) for k in range(len(facts.symbols))]
    header = {
        "format": FORMAT,
        "prefixes": facts.prefixes,
        "places": [[p.file, p.line, p.graph] for p in facts.places],
    }
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(json.dumps(header, ensure_ascii=False) + "\n")
        for (name, _), table in facts.tables.items():
            spelled = json.dumps(name, ensure_ascii=False)
            for row, place in zip(table.rows.tolist(), table.places.tolist(), strict=True):
                stream.write(f"[{spelled}, [{', '.join(terms[k] for k in row)}], {place}]\n")


def read_facts(path: Path) -> FactBase:
    """Read a fact base.

    Raises:
        ModelError: NS702, the file is damaged; names the line.
    """
    base = FactBase()
    columns: dict[tuple[str, int], tuple[list[list[int]], list[int]]] = {}
    number = 1
    try:
        with path.open(encoding="utf-8") as stream:
            header = json.loads(next(stream, "null"))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            base.prefixes = {str(k): str(v) for k, v in header["prefixes"].items()}
            base.places = [Place(file, line, graph) for file, line, graph in header["places"]]
            for number, text in enumerate(stream, start=2):  # noqa: B007
                name, args, place = json.loads(text)
                if not isinstance(name, str) or not -1 <= place < len(base.places):
                    raise ValueError("it is no fact")
                row = [base.symbols.intern(term_from_json(a)) for a in args]
                rows, places = columns.setdefault((name, len(row)), ([], []))
                rows.append(row)
                places.append(place)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{path}:{number} cannot be read", code="NS702", note=str(error)) from None
    for key, (rows, places) in columns.items():
        table = np.array(rows, np.int32).reshape(len(rows), key[1])
        base.tables[key] = Table(table, np.array(places, np.int32))
    return base
