"""Declared types of arguments, held against columns of terms: facts that come with the data, answers of functions.

The same types as the checker's for the rule text (`neurosym.lang.checks.types.fits`): integers are floats, names and
IRIs are things of any class, and a class is not looked up, because the world is open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurosym.errors import GroundingError
from neurosym.facts import FactBase, Ids, SymbolTable
from neurosym.facts.symbols import BOOL, DATE, FLOAT, INT, IRI, LANG, STRING, SYMBOL
from neurosym.grounding.core import Key
from neurosym.lang.ast import Argument, Program, TypeRef
from neurosym.lang.terms import Iri, Symbol, Value, predicate_of_iri, spell, spell_predicate

_KINDS = {
    "symbol": (SYMBOL,),
    "string": (STRING, LANG),
    "int": (INT,),
    "float": (INT, FLOAT),
    "bool": (BOOL,),
    "date": (DATE,),
    "class": (SYMBOL, IRI),
}
_PREFIXED = re.compile(r"(\w[\w.-]*):(\w[\w.-]*)\Z")
_SHOWN = 5  # further faults that the note lists


def misfits(ids: Ids, type_: TypeRef, symbols: SymbolTable) -> NDArray[np.bool_]:
    """(n,) which of the terms may not stand where the type is declared."""
    if type_.kind == "enum":
        known = [i for v in type_.values if (i := symbols.find(v)) is not None]
        return ~np.isin(ids, known)
    kinds = _KINDS.get(type_.kind)
    if kinds is None:  # `any`, and inputs of networks
        return np.zeros(len(ids), np.bool_)
    return ~np.isin(symbols.kinds(ids), kinds)


def type_name(type_: TypeRef, prefixes: dict[str, str] | None = None) -> str:
    """A type as messages name it."""
    if type_.kind == "class":
        return f"thing of the class {spell(Iri(type_.iri or ''), prefixes or {})}"
    return "value of its enumeration" if type_.kind == "enum" else type_.kind


def declared_arguments(program: Program) -> dict[Key, tuple[Argument, ...]]:
    """Predicate → its declared arguments, also under the IRI that a declaration maps to."""
    made = {key: d.args for key, d in program.neural.items()}
    for key, declaration in program.declarations.items():
        made[key] = declaration.args
        if declaration.iri is not None:
            made[(predicate_of_iri(declaration.iri), key[1])] = declaration.args
    return made


@dataclass(frozen=True)
class Misfit:
    """Facts of one predicate whose argument is not of its declared type; value and place are those of the first."""

    key: Key
    argument: Argument
    value: Value
    place: str
    count: int


def misfitting(base: FactBase, key: Key, arguments: tuple[Argument, ...]) -> list[Misfit]:
    """The arguments of a predicate with facts in the base that do not fit, at most one entry each."""
    table = base.tables[key]
    found: list[Misfit] = []
    for column, argument in enumerate(arguments):
        wrong = np.nonzero(misfits(table.rows[:, column], argument.type, base.symbols))[0]
        if len(wrong):
            first, place = int(wrong[0]), int(table.places[wrong[0]])
            value = base.symbols.value(int(table.rows[first, column]))
            found.append(Misfit(key, argument, value, str(base.places[place]) if place >= 0 else "", len(wrong)))
    return found


def refuse(found: list[Misfit], prefixes: dict[str, str]) -> GroundingError:
    """The error for facts that do not fit their declarations."""
    first, *others = found
    name = f"{spell_predicate(first.key[0], prefixes)}/{first.key[1]}"
    where = f"{first.place}: " if first.place else ""
    value = spell(first.value, prefixes)
    of = f"the argument `{first.argument.name}` of `{name}`"
    note = f"{first.count:,} fact{'s' * (first.count > 1)} of `{name}` {'do' if first.count > 1 else 'does'} not fit"
    span = first.argument.span
    note += f"; the declaration is {span.file}:{span.line}"
    for other in others[:_SHOWN]:
        at = f", first {other.place}" if other.place else ""
        note += f"; also {other.count:,} of `{spell_predicate(other.key[0], prefixes)}/{other.key[1]}` at "
        note += f"`{other.argument.name}`{at}"
    return GroundingError(
        f"{where}`{value}` is no {type_name(first.argument.type, prefixes)}, as {of} is declared",
        code="NS425",
        note=note,
        help=_help(first),
    )


def _help(misfit: Misfit) -> str:
    kind, value = misfit.argument.type.kind, misfit.value
    if kind == "string" and isinstance(value, Symbol):
        quoted = spell(value.name)
        return f"a plain word in a table is a name: write it in quotation marks, `{quoted}`, or declare `symbol`"
    if kind in ("symbol", "class") and isinstance(value, str) and (found := _PREFIXED.match(value)):
        full = f"`<http://…/{found[2]}>`"
        if kind == "symbol":
            return f"an IRI is no name: declare `any`, or a class, and the prefix `{found[1]}:`; or write {full}"
        return f"declare the prefix `{found[1]}:` in the rules, or write the IRI in full, {full}"
    if kind == "symbol" and isinstance(value, Iri):
        return "an IRI is no name: declare `any`, or a class, such as `ex:Patient`"
    if kind in ("float", "int") and isinstance(value, str) and re.fullmatch(r"[+-]?\d+,\d+", value):
        return f"numbers have a decimal point: `{value.replace(',', '.')}`"
    if kind == "symbol" and isinstance(value, str):
        return "a name is one word in small letters, or in single quotation marks: `'New York'`; or declare `string`"
    if kind == "int" and isinstance(value, float):
        return "declare `float`, or give whole numbers without a decimal point"
    if kind == "class":
        return "things have names or IRIs, such as `p17` or, in a table, `<http://…/p17>`; or declare `any`"
    return "correct the data, or the declaration"
