"""Files of facts, and tables of new entities, by their suffix and header."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from neurosym.cli.fact_files import is_csv, load_facts
from neurosym.cli.train.file import Table
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
        facts: given, with `C(entity)` for each row of a table of the class C; `features`: the tables by name.
        notes: what the reader of the prediction should know, such as columns that were not used.
    """

    facts: FactBase
    features: dict[str, FeatureTable] = field(default_factory=dict)
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
    data = load_tables(tables, manifest.features, program, prefixes)
    data.facts = load_facts(facts) + data.facts
    return data


def load_tables(
    tables: Mapping[str, Sequence[str]], records: Mapping[str, Features], program: Program, prefixes: Mapping[str, str]
) -> NewData:
    """The rows of CSV files as feature tables, and as facts that the entities are of the tables' classes.

    Args:
        tables: name → files, whose headers have the columns of the record of this name.
    """
    data = NewData(FactBase())
    for name, paths in tables.items():
        record = records[name]
        parts = [_read_table(path, record, prefixes) for path in paths]
        for part in parts:
            if part.unused:
                data.notes.append(f"{part.path}: the model does not use {_listed(part.unused)}")
        entities = [e for part in parts for e in part.entities]
        values = torch.tensor([row for part in parts for row in part.values], dtype=getattr(torch, record.dtype))
        data.features[name] = FeatureTable(
            [plain_name(e) for e in entities], values, record.columns, record.allow_nan, record.categories
        )
        of_class = class_of(name, program, prefixes)
        if of_class is None:
            data.notes.append(f"`{name}` is no class: its rows are features only, and no facts are made of them")
        else:
            place = ", ".join(part.path for part in parts)
            new = FactBase.from_facts([(predicate_of_iri(of_class), (e,)) for e in entities], place)
            data.facts = data.facts + new
    return data


def describe_table(name: str, given: Table) -> Features:
    """What a model is to know of a table that it is trained on; its categories are those that occur, in order.

    Raises:
        DataError: NS617, a file lacks a column.
    """
    columns, seen = given.columns, {c: set[str]() for c in given.categories}
    for path in given.file:
        with reading(path) as sheet:
            columns = columns or tuple(c for c in sheet.header if c != _naming(sheet.header))
            lacking = [c for c in dict.fromkeys((*columns, *seen)) if c not in sheet.header]
            if lacking:
                raise DataError(
                    f"{path} lacks {_listed(lacking)}", code="NS617", note=f"it has {', '.join(sheet.header)}",
                    help="correct the name, or the header; all files of a table have the same columns",
                )  # fmt: skip
            for _, cells in sheet.rows() if seen else ():
                for c, found in seen.items():
                    found.add(cells[sheet.header.index(c)].strip())
    known = {c: tuple(sorted(found - {""})) for c, found in seen.items()}
    return Features(
        name, columns, str(torch.get_default_dtype()).removeprefix("torch."), given.prefix, known, given.missing
    )


def _naming(header: Sequence[str]) -> str:
    """The column that names the entities."""
    return "id" if "id" in header else header[0] if header else ""


@dataclass
class _Rows:
    path: str
    entities: list[Value]
    values: list[list[float]]
    unused: list[str]


def _header(path: str) -> tuple[str, ...]:
    with reading(path) as sheet:
        return sheet.header


def _record_of(path: str, header: Sequence[str], records: Iterable[Features]) -> Features | None:
    """The features that a header belongs to; None for a file of facts."""
    for record in records:
        missing = [c for c in record.columns if c not in header]
        if record.columns and not missing:
            return record
        # most of the columns are there: a slip, which must not turn the table into facts
        if record.columns and len(missing) <= len(record.columns) // 2:
            raise DataError(
                f"{path} lacks {_listed(missing)}", code="NS617",
                note=f"the model reads {len(record.columns)} columns of `{record.name}`, and the file has most of them",
                help="add the column; the header's spelling must be that of the training data",
            )  # fmt: skip
    return None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:4])
    return f"the column{'s' if len(names) > 1 else ''} {shown}" + (" …" if len(names) > 4 else "")


def _read_table(path: str, record: Features, prefixes: Mapping[str, str]) -> _Rows:
    with reading(path) as sheet:
        header = sheet.header
        name = _naming(header)
        if name in record.columns:
            raise DataError(
                f"{path} does not name its entities", code="NS617", note=f"its first column is the feature `{name}`",
                help="add a column `id`",
            )  # fmt: skip
        where = header.index(name)
        columns = [header.index(c) for c in record.columns]
        rows = _Rows(path, [], [], [c for c in header if c != name and c not in record.columns])
        for place, cells in sheet.rows():
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
        raise FactError(f"{place}: {what} in column `{column}`", code="NS304", help="fill it in, or leave the row out")
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
