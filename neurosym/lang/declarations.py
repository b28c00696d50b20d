# ruff: noqa: D102 - one method for each production of the grammar, which says what it reads
"""The actions of rule blocks, `pred`, `neural` and DeepProbLog's `nn(…)`."""

from __future__ import annotations

from difflib import get_close_matches

from neurosym.lang.ast import (
    TRUE,
    Alternative,
    Argument,
    Atom,
    Const,
    NeuralDecl,
    PredicateDecl,
    Rule,
    TypeRef,
    Var,
    Weight,
)
from neurosym.lang.build import predicate_name
from neurosym.lang.builtins import TYPES
from neurosym.lang.expressions import Expressions, unquote
from neurosym.lang.raw import Call, Head, Item, Listing, Raw, Word
from neurosym.lang.terms import Value

MAX_RANGE = 100_000


class Declarations(Expressions):
    """Parts of blocks and declarations become `Item` values, which the statement's action collects."""

    def alternatives_of(self, heads: list[Head]) -> tuple[Alternative, ...]:
        """See Actions."""
        raise NotImplementedError

    def weight_of(self, raw: Raw, learn: bool = False) -> Weight:
        """See Actions."""
        raise NotImplementedError

    def atom_placeholder(self) -> Atom:
        """Stands in for what has been reported."""
        return Atom("?", ())

    # ------------------------------------------------------------------------------------------------ blocks

    def weight(self, c: list, s: int, e: int) -> Item:
        return Item("weight", c[0], s, e)

    def weight_learn(self, c: list, s: int, e: int) -> Item:
        return Item("weight", c[0], s, e, learn=True)

    def source(self, c: list, s: int, e: int) -> Item:
        return Item("source", unquote(c[0][1]), s, e)

    def because(self, c: list, s: int, e: int) -> Item:
        return Item("because", unquote(c[0][1]), s, e)

    def exception_to(self, c: list, s: int, e: int) -> Item:
        return Item("exception", self.label_text(c[0]), s, e)

    def if_part(self, c: list, s: int, e: int) -> Item:
        return Item("if", c[0], s, e)

    def then_part(self, c: list, s: int, e: int) -> Item:
        return Item("then", c[0], s, e)

    def label_text(self, token: tuple) -> str:
        """The name of a rule or constraint."""
        return unquote(token[1]) if token[0] == "QUOTED" else token[1]

    def collect(self, items: list[Item]) -> dict[str, Item]:
        """The parts by kind; a part that is given twice is a fault."""
        parts: dict[str, Item] = {}
        for item in items:
            if item.kind in parts:
                help = "join the conditions by `and`" if item.kind == "if" else "keep one"
                self.report("NS126", f"`{item.kind}` is given twice", item.start, item.end, help=help)
            parts.setdefault(item.kind, item)
        return parts

    def block(self, c: list, s: int, e: int) -> Rule:
        name = self.label_text(c[0])
        parts = self.collect(c[1])
        exception = parts.get("exception")
        if "then" not in parts and exception is None:
            self.report("NS126", f"the rule `{name}` has no `then`", s, c[0][3], help="add `then` and what follows")
        if exception is not None and "if" not in parts:
            self.report("NS126", f"the exception `{name}` has no `if`", s, c[0][3], help="say when it applies")
        body = self.body(parts["if"].value) if "if" in parts else TRUE
        heads: tuple[Alternative, ...] = self.alternatives_of(parts["then"].value) if "then" in parts else ()
        weight = None
        if item := parts.get("weight"):
            weight = self.weight_of(item.value, item.learn)
            if exception is None and (first := next(iter(heads), None)):
                if len(heads) > 1 or first.weight is not None:
                    self.report("NS126", "a weight on the rule and weights on its heads", item.start, item.end,
                                help="keep one of them")  # fmt: skip
                heads = (Alternative(first.atoms, weight), *heads[1:])
        return Rule(
            heads,
            body,
            name,
            parts["source"].value if "source" in parts else None,
            parts["because"].value if "because" in parts else None,
            exception.value if exception else None,
            weight if exception else None,
            True,
            self.span(s, e),
        )

    # ------------------------------------------------------------------------------------------ declarations

    def param(self, c: list, s: int, e: int) -> Argument:
        return Argument(c[0][1], c[1], self.span(s, e))

    def named_type(self, c: list, s: int, e: int) -> TypeRef:
        name = c[0][1]
        if name not in TYPES:
            near = get_close_matches(name, TYPES, 1) or [t for t in TYPES if t.lower() == name.lower()]
            hint = f"did you mean `{near[0]}`?" if near else "types are " + ", ".join(TYPES) + ", a class, {a, b}, 0..9"
            self.report("NS137", f"unknown type `{name}`", s, e, help=hint)
        return TypeRef(name, span=self.span(s, e))

    def class_type(self, c: list, s: int, e: int) -> TypeRef:
        return TypeRef("class", self.resolve(c[0]), span=self.span(s, e))

    def enum_type(self, c: list, s: int, e: int) -> TypeRef:
        return TypeRef("enum", values=self.values_of(c[0]), span=self.span(s, e))

    def integer(self, c: list, s: int, e: int) -> int:
        value = self.number(c, c[0][2], c[0][3]).value
        if not isinstance(value, int):
            self.report("NS112", "ranges are of integers", s, e)
            return 0
        return value

    def negative_integer(self, c: list, s: int, e: int) -> int:
        return -self.integer(c, s, e)

    def range_type(self, c: list, s: int, e: int) -> TypeRef:
        return TypeRef("enum", values=self._range(c[0], c[1], s, e), span=self.span(s, e))

    def _range(self, low: int, high: int, s: int, e: int) -> tuple[int, ...]:
        if high < low or high - low >= MAX_RANGE:
            fault = "is empty" if high < low else f"has more than {MAX_RANGE} values"
            self.report("NS112", f"the range {low}..{high} {fault}", s, e)
            return (0,)
        return tuple(range(low, high + 1))

    def values_of(self, items: list[Raw]) -> tuple[Value, ...]:
        """The values of an enumeration; ranges in it are spread."""
        values: list[Value] = []
        for item in items:
            if isinstance(item, Listing) and item.range:
                low, high = (n.value for n in item.items)
                values.extend(self._range(low, high, item.start, item.end))
                continue
            term = self.term(item)
            if not isinstance(term, Const):
                self.report("NS137", "an enumeration lists constants", *self.bounds(item))
                continue
            values.append(term.value)
        return tuple(values)

    def from_option(self, c: list, s: int, e: int) -> Item:
        return Item("from", self.resolve(c[0]), s, e)

    def label_option(self, c: list, s: int, e: int) -> Item:
        return Item("label", unquote(c[0][1]), s, e)

    def open_option(self, c: list, s: int, e: int) -> Item:
        return Item("open", True, s, e)

    def by_option(self, c: list, s: int, e: int) -> Item:
        return Item("by", c[0][1] if c[0][0] == "NAME" else unquote(c[0][1]), s, e)

    def top_option(self, c: list, s: int, e: int) -> Item:
        return Item("top", self.integer(c, s, e), s, e)

    def pred(self, c: list, s: int, e: int) -> PredicateDecl:
        parts = {kind: item.value for kind, item in self.collect(c[2]).items()}
        return PredicateDecl(
            predicate_name(c[0].value),
            tuple(c[1]),
            parts.get("from"),
            parts.get("label"),
            parts.get("open", False),
            self.span(s, e),
        )

    def neural(self, c: list, s: int, e: int) -> NeuralDecl:
        parts = {kind: item.value for kind, item in self.collect(c[2]).items()}
        args: list[Argument] = c[1]
        word: Word = c[0]
        if "by" not in parts:
            self.report("NS135", "a neural predicate names its network", s, word.end, help="add `by NETWORK`")
        if not args:
            self.report("NS135", "a neural predicate has an argument that the network reads", s, word.end)
            return NeuralDecl("?", (), "?")
        last = args[-1].type
        if last.kind == "float" and len(args) > 1:
            self._continuous(last, args[-1])
        values = last.values if last.kind == "enum" else None
        if values is not None and len(args) == 1:
            self.report("NS135", "the only argument is the value; the network reads nothing", s, word.end)
        return NeuralDecl(
            predicate_name(word.value), tuple(args), parts.get("by", "?"), values, parts.get("top"),
            parts.get("label"), self.span(s, e),
        )  # fmt: skip

    def _continuous(self, type_: TypeRef, argument: Argument) -> None:
        start = self._offset(type_.span.line, type_.span.column)
        self.report("NS136", "a network that gives a continuous value is refused", start, start + len(type_.kind),
                    note="a neural predicate chooses between named values",
                    help=f"bin it, with declared bins: `{argument.name}: {{low, middle, high}}`")  # fmt: skip

    def nn(self, call: Call, head: Raw, s: int, e: int) -> NeuralDecl | None:
        """`nn(net, [X], Y, [0, 1]) :: digit(X, Y).` and `nn(net, [X]) :: risky(X).`"""
        size = len(call.args)
        shape = "write `nn(net, [X], Y, [v1, v2]) :: p(X, Y).` or `nn(net, [X]) :: p(X).`"
        if size == 3:
            self.report("NS136", "a network that gives a continuous value is refused", call.start, call.end,
                        help="list its values: `nn(net, [X], Y, [low, high])`")  # fmt: skip
            return None
        inputs = call.args[1].items if size > 1 and isinstance(call.args[1], Listing) else None
        network = call.args[0]
        fits = size in (2, 4) and inputs and all(isinstance(v, Var) for v in inputs) and isinstance(network, Word)
        if not fits or (size == 4 and not (isinstance(call.args[2], Var) and isinstance(call.args[3], Listing))):
            self.report("NS135", "this `nn(…)` cannot be read", call.start, call.end, help=shape)
            return None
        assert inputs is not None
        atom = self.atom(head)
        wanted = [v.name for v in inputs] + ([call.args[2].name] if size == 4 else [])
        if [a.name if isinstance(a, Var) else None for a in atom.args] != wanted:
            self.report("NS135", f"the arguments of the head are those of `nn`: ({', '.join(wanted)})",
                        *self.bounds(head), help=shape)  # fmt: skip
            return None
        values = self.values_of(call.args[3].items) if size == 4 else None
        args = [Argument(v.name, TypeRef("Tensor", span=v.span), v.span) for v in inputs]
        if values is not None:
            args.append(Argument(wanted[-1], TypeRef("enum", values=values), call.args[2].span))
        return NeuralDecl(atom.predicate, tuple(args), predicate_name(network.value), values, span=self.span(s, e))
