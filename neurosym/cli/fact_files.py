"""Files of facts, by their suffix; loads no torch."""

from __future__ import annotations

from collections.abc import Iterable

from neurosym.facts import FactBase


def load_facts(paths: Iterable[str]) -> FactBase:
    """The facts of files together: CSV (the predicate is the file's stem), all else RDF."""
    names = list(paths)
    tables = [FactBase.from_csv(p) for p in names if is_csv(p)]
    rdf = [p for p in names if not is_csv(p)]
    base = FactBase.from_rdf(*rdf)
    if len(tables) == 1 and not rdf:
        return tables[0]
    for table in tables:
        base = base + table
    return base


def is_csv(path: str) -> bool:
    """Whether a file is a table."""
    return path.lower().endswith(".csv")
