"""Which facts may be changed: predicates and atoms with blanks, as the caller gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from neurosym.errors import ExplanationError, NeurosymError, RuleError
from neurosym.explain.changes.setting import Setting
from neurosym.grounding.core import CoreAtom
from neurosym.lang import parse_atom
from neurosym.lang.ast import Atom, Const, Var
from neurosym.lang.walk import built_in

_PREDICATE = re.compile(r"(?P<name>.+)/(?P<arity>[0-9]+)\Z", re.DOTALL)
MAX_ARITY = 64


def changeable_patterns(setting: Setting, texts: Iterable[str]) -> list[CoreAtom]:
    """Patterns such as `fever/2` and `fever(p1, _)`, in term ids with None for a blank.

    Raises:
        ExplanationError: NS845 one cannot be read; NS846 its predicate has no facts of its own.
        DataError: NS616 its predicate is unknown.
    """
    if isinstance(texts, str):
        texts = [texts]
    return [_pattern(setting, text) for text in texts]


def candidate_atoms(setting: Setting, texts: Iterable[str]) -> list[CoreAtom]:
    """Ground atoms that may be added, in term ids.

    Raises:
        ExplanationError: as for `changeable_patterns`; NS845 also if one has a variable.
    """
    found = changeable_patterns(setting, texts)
    for text, atom in zip([texts] if isinstance(texts, str) else texts, found, strict=True):
        if None in atom.args:
            raise ExplanationError(
                f"`{text}` has a blank, and a fact to be added has none", code="NS845", help="write its values out"
            )
    return found


def _pattern(setting: Setting, text: str) -> CoreAtom:
    atom = _read(setting, text)
    program = setting.program
    if atom.key in built_in(program):
        _refuse(text, "it is computed, and has no facts", "name a predicate that has recorded facts")
    setting.reasoner.check_known(atom)
    core = setting.pattern(atom)
    if core.key in setting.core.neural or atom.key in program.neural:
        _refuse(text, "a network says its facts", "change what the network sees, or a fact that a rule reads")
    names = [t.name for t in atom.args if isinstance(t, Var) and not t.anonymous]
    if len(names) != len(set(names)):
        raise ExplanationError(
            f"`{text}` has a variable twice", code="NS845", help="write `_` for each value that may be any"
        )
    return core


def _refuse(text: str, why: str, help: str) -> None:
    raise ExplanationError(f"`{text}` cannot be changed: {why}", code="NS846", help=help)


def _read(setting: Setting, text: str) -> Atom:
    found = _PREDICATE.match(text.strip())
    written = text
    if found is not None and "(" not in found["name"]:
        arity = int(found["arity"])
        if arity <= MAX_ARITY:
            written = found["name"] + (f"({', '.join(['_'] * arity)})" if arity else "")
    try:
        atom = setting.reasoner.atom(parse_atom(
            written, setting.base.prefixes | setting.program.prefixes, setting.program.dialect
        ))  # fmt: skip
    except NeurosymError as error:
        raise ExplanationError(
            f"`{text}` names no facts that could be changed", code="NS845",
            note=error.diagnostics[0].message if isinstance(error, RuleError) else error.message,
            help="write `fever/2` or an atom with blanks, `fever(p1, _)`",
        ) from None  # fmt: skip
    assert all(isinstance(t, Const | Var) for t in atom.args)
    return atom if atom.args or found is not None else _named(setting, text, atom)


def _named(setting: Setting, text: str, atom: Atom) -> Atom:
    """What a bare name stands for: the only predicate of that name, with blanks."""
    keys = setting.reasoner._own_keys | setting.base.predicates
    arities = sorted(n for name, n in keys if name == atom.predicate)
    if 0 in arities or not arities:
        return atom
    if len(arities) > 1:
        choices = " or ".join(f"`{text.strip()}/{n}`" for n in arities)
        raise ExplanationError(f"`{text}` is the name of several predicates", code="NS845", help=f"write {choices}")
    return Atom(atom.predicate, tuple(Var(f"_{k}", "_") for k in range(arities[0])))
