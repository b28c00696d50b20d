"""Files of facts, and tables of new entities, by their suffix and header."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from neurosym.cli.fact_files import is_csv, load_facts
from neurosym.errors import DataError, FactError, Place
from neurosym.facts import FactBase
from neurosym.facts.tabular import reading, text_value
from neurosym.lang import Iri, Program, Symbol, Value, predicate_of_iri
from neurosym.neural.features import FeatureTable, codes
from neurosym.reasoner.saving import Features, Manifest


@dataclass
class NewData:
    """What a saved model is asked about.

    Attributes:
        facts: given, with `C(entity)` for each row of a table of the class C.
        features: the tables by name; `entities`: those of their rows.
        notes: what the reader of the prediction should know, such as columns that were not used.
    """

    facts: FactBase
    features: dict[str, FeatureTable] = field(default_factory=dict)
    entities: dict[str, list[Value]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def load_data(paths: Sequence[str], manifest: Manifest, program: Program, prefixes: Mapping[str, str]) -> NewData:
    """Read the data for a model. A CSV whose header has the model's feature columns is a table of new entities.

    Raises:
        FactError: a file is missing or broken. DataError: a table lacks a column, or names no entities.
    """
    facts: list[str] = []
    tables: dict[str, list[str]] = {}
    for path in paths:
        header = _header(path) if is_csv(path) else ()
        record = _record_of(path, header, manifest.features.values())
        if record is None:
            facts.append(path)
        else:
            tables.setdefault(record.name, []).append(path)
    return load_tables(tables, manifest.features, program, prefixes, load_facts(facts))


def load_tables(
    tables: Mapping[str, Sequence[str]], records: Mapping[str, Features], program: Program,
    prefixes: Mapping[str, str], facts: FactBase,
) -> NewData:  # fmt: skip
    """The rows of CSV files as feature tables, and beside the facts those that the entities are of the tables' classes.

    Args:
        tables: name → files, whose headers have the columns of the record of this name.
    """
    data = NewData(facts)
    for name, paths in tables.items():
        record = records[name]
        parts = [_read_table(path, record, prefixes) for path in paths]
        for part in parts:
            if part.unused:
                data.notes.append(f"{part.path}: the model does not use {listed(part.unused)}")
        entities = [e for part in parts for e in part.entities]
        _no_repeats(parts)
        values = torch.tensor([row for part in parts for row in part.values], dtype=getattr(torch, record.dtype))
        data.features[name] = FeatureTable(
            [plain_name(e) for e in entities], values, record.columns, record.allow_nan, record.categories
        )
        data.entities[name] = entities
        of_class = class_of(name, program, prefixes)
        if of_class is None:
            data.notes.append(f"`{name}` is no class: its rows are features only, and no facts are made of them")
        else:
            place = ", ".join(part.path for part in parts)
            new = FactBase.from_facts([(predicate_of_iri(of_class), (e,)) for e in entities], place)
            data.facts = data.facts + new
    return data


def naming(header: Sequence[str]) -> str:
    """The column that names the entities."""
    return "id" if "id" in header else header[0] if header else ""


def _no_repeats(parts: Sequence[_Rows]) -> None:
    """Each entity has one row.

    Raises:
        DataError: NS617, one has two; says where.
    """
    seen: dict[Value, Place] = {}
    for part in parts:
        for value, place in zip(part.entities, part.places, strict=True):
            if seen.setdefault(value, place) is not place:
                raise DataError(f"{place}: `{plain_name(value)}` has a row already, {seen[value]}", code="NS617")


@dataclass
class _Rows:
    path: str
    entities: list[Value]
    places: list[Place]
    values: list[list[float]]
    unused: list[str]


def _header(path: str) -> tuple[str, ...]:
    with reading(path) as sheet:
        return sheet.header


def _record_of(path: str, header: Sequence[str], records: Iterable[Features]) -> Features | None:
    """The features that a header belongs to: those with the most columns in it; None for a file of facts."""
    tables = sorted((r for r in records if r.columns), key=lambda r: -len(r.columns))
    whole = [r for r in tables if set(r.columns) <= set(header)]
    if len(whole) > 1 and len(whole[0].columns) == len(whole[1].columns):
        raise DataError(
            f"{path} may be a table of `{whole[0].name}` or of `{whole[1].name}`", code="NS617",
            note=f"the model reads the same columns of both: {', '.join(whole[0].columns)}",
            help="train with columns of different names",
        )  # fmt: skip
    if whole:
        return whole[0]
    for record in tables:
        missing = [c for c in record.columns if c not in header]
        # most of the columns are there: a slip, which must not turn the table into facts
        if len(missing) <= len(record.columns) // 2:
            raise DataError(
                f"{path} lacks {listed(missing)}", code="NS617",
                note=f"the model reads {len(record.columns)} columns of `{record.name}`, and the file has most of them",
                help="add the column; the header's spelling must be that of the training data",
            )  # fmt: skip
    return None


def listed(names: Sequence[str]) -> str:
    """Columns, as a message names them."""
    shown = ", ".join(f"`{n}`" for n in names[:4])
    return f"the column{'s' if len(names) > 1 else ''} {shown}" + (" …" if len(names) > 4 else "")


def _read_table(path: str, record: Features, prefixes: Mapping[str, str]) -> _Rows:
    with reading(path) as sheet:
        header = sheet.header
        name = naming(header)
        if name in record.columns:
            raise DataError(
                f"{path} does not name its entities", code="NS617", note=f"its first column is the feature `{name}`",
                help="add a column `id`",
            )  # fmt: skip
        where = header.index(name)
        columns = [header.index(c) for c in record.columns]
        rows = _Rows(path, [], [], [], [c for c in header if c != name and c not in record.columns])
        for place, cells in sheet.rows():
            rows.places.append(place)
            rows.entities.append(entity(cells[where], record.id_prefix, prefixes, place))
            rows.values.append([_value(cells[k], header[k], record, place) for k in columns])
    if not rows.entities:
        raise DataError(f"{path} has no rows", code="NS617")
    return rows


def _value(text: str, column: str, record: Features, place: Place) -> float:
    """A number, the code of a category, or NaN where the model knows of missing values."""
    if record.allow_nan and not text.strip():
        return math.nan
    known = record.categories.get(column)
    if known is None or not text.strip():
        return _number(text, column, place)
    return float(codes([text.strip()], known)[0])


def _number(text: str, column: str, place: Place) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"`{text.strip()}` is no number" if text.strip() else "there is no value"
        help = "write the decimal sign as a point" if "," in text else "fill it in, or leave the row out"
        raise FactError(f"{place}: {what} in column `{column}`", code="NS304", help=help)
    return value


def entity(text: str, id_prefix: str, prefixes: Mapping[str, str], place: Place) -> Value:
    """The term that a cell names: an IRI, a prefixed name, or a plain name to which the model's prefix is added.

    Raises:
        DataError: nothing is there, or its prefix is unknown.
    """
    name = text.strip()
    if not name:
        raise DataError(f"{place}: the row names no entity", code="NS617")
    if name.startswith("<") and name.endswith(">"):
        return Iri(name[1:-1])
    if "://" in name:
        return Iri(name)
    prefix, colon, local = name.partition(":")
    if not colon and id_prefix:
        return entity(id_prefix + name, "", prefixes, place)
    if colon and prefix in prefixes:
        return Iri(prefixes[prefix] + local)
    if colon:
        raise DataError(
            f"{place}: the prefix `{prefix}:` of `{name}` is unknown", code="NS617",
            note=f"known: {', '.join(prefixes)}", help="write the full IRI",
        )  # fmt: skip
    return text_value(name)


def plain_name(value: Value) -> str:
    """The name under which the engine looks an entity up, whichever prefixes it has."""
    return value.value if isinstance(value, Iri) else value.name if isinstance(value, Symbol) else str(value)


def class_of(name: str, program: Program, prefixes: Mapping[str, str]) -> str | None:
    """The IRI of the class whose entities a feature table describes.

    Args:
        name: of the table: a class (`ex:Patient`, its IRI) or, as for the engine, the name of a neural argument.
    """
    if name.startswith("<") and name.endswith(">"):
        return name[1:-1]
    if "://" in name:
        return name
    prefix, colon, local = name.partition(":")
    if colon and prefix in prefixes:
        return prefixes[prefix] + local
    typed = (a for d in program.neural.values() for a in d.args if a.name == name)
    return next((a.type.iri for a in typed if a.type.iri is not None), None)
