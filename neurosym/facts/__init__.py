"""Facts room: interned terms and the tables of input facts."""

from neurosym.facts.factbase import RDF_TYPE, FactBase, Table
from neurosym.facts.rows import FactRows
from neurosym.facts.symbols import Ids, SymbolTable

__all__ = ["RDF_TYPE", "FactBase", "FactRows", "Ids", "SymbolTable", "Table"]
