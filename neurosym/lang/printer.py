"""The syntax tree as text: `parse(to_text(program))` gives an equal program."""

from __future__ import annotations

from collections.abc import Mapping

from neurosym.lang.ast import (
    Aggregate,
    And,
    Argument,
    Arithmetic,
    Atom,
    Body,
    Comparison,
    Const,
    Constraint,
    Evidence,
    Exists,
    ForallIn,
    Formula,
    FormulaJunction,
    FormulaNot,
    Iff,
    Implies,
    Include,
    Literal,
    NeuralDecl,
    Not,
    Or,
    PredicateDecl,
    Prefix,
    Program,
    Quantified,
    Query,
    Rule,
    Statement,
    Term,
    Test,
    TypeRef,
    Var,
    Weight,
)
from neurosym.lang.builtins import FUNCTIONS
from neurosym.lang.terms import STANDARD_PREFIXES, Value, is_plain_symbol, quote, spell, spell_iri, spell_predicate

_SUM, _PRODUCT, _UNARY, _POWER, _PRIMARY = 1, 2, 3, 4, 5
_BINARY = {
    "+": (_SUM, _SUM, _PRODUCT), "-": (_SUM, _SUM, _PRODUCT),
    "*": (_PRODUCT, _PRODUCT, _UNARY), "/": (_PRODUCT, _PRODUCT, _UNARY),
    "//": (_PRODUCT, _PRODUCT, _UNARY), "mod": (_PRODUCT, _PRODUCT, _UNARY),
    "**": (_POWER, _PRIMARY, _UNARY),
}  # fmt: skip
_OR, _AND, _NOT, _TEST = 1, 2, 3, 4
_IFF, _IMPLIES, _F_OR, _F_AND, _F_NOT, _ATOM = 1, 2, 3, 4, 5, 6


def to_text(program: Program) -> str:
    """The program as one rule file in the `.rules` dialect. Includes are left out: their statements are there."""
    printer = Printer(program.prefixes)
    return "\n".join(printer.statement(s) for s in program.statements if not isinstance(s, Include)) + "\n"


class Printer:
    """Spells the parts of a program, with names shortened by the prefixes."""

    comma = ", "
    negation = "not "
    disjunction = " or "

    def __init__(self, prefixes: Mapping[str, str] = STANDARD_PREFIXES) -> None:
        self.prefixes = prefixes

    # ------------------------------------------------------------------------------------------------ terms

    def value(self, value: Value) -> str:
        """A constant."""
        return spell(value, self.prefixes)

    def predicate(self, name: str) -> str:
        """A predicate's name."""
        return spell_predicate(name, self.prefixes)

    def term(self, term: Term, level: int = _SUM) -> str:
        """A term, in parentheses where it binds less tightly than `level`."""
        match term:
            case Var():
                return "_" if term.anonymous else f"{'?' if term.mark == '?' else ''}{term.name}"
            case Const(value):
                text = self.value(value)
                own = _UNARY if text.startswith("-") else _PRIMARY
            case Arithmetic("neg", (inner,)):
                text = self.term(inner, _UNARY)
                number = isinstance(inner, Const) and text[0].isdigit()
                text, own = (f"-({text})" if number else f"-{text}"), _UNARY
            case Arithmetic(op, args) if op in FUNCTIONS:
                return f"{op}({', '.join(map(self.term, args))})"
            case Arithmetic(op, (left, right)):
                own, before, after = _BINARY[op]
                text = f"{self.term(left, before)} {op} {self.term(right, after)}"
            case _:
                raise AssertionError(term)
        return f"({text})" if own < level else text

    def atom(self, atom: Atom) -> str:
        """An atom."""
        name = self.predicate(atom.predicate)
        return f"{name}({self.comma.join(map(self.term, atom.args))})" if atom.args else name

    # ----------------------------------------------------------------------------------------------- bodies

    def body(self, body: Body, level: int = _OR, joint: str = ", ") -> str:
        """A body; `joint` is `, ` or ` and `."""
        match body:
            case Literal(atom):
                return self.atom(atom)
            case Comparison(op, left, right):
                return f"{self.term(left)} {op} {self.term(right)}"
            case Aggregate():
                template = ", ".join(map(self.term, body.template))
                inner = self.body(body.body)
                return f"{self.term(body.result)} {body.op} {body.function}{{ {template} : {inner} }}"
            case Exists(inner):
                return f"exists{{ {self.body(inner)} }}"
            case ForallIn(condition, then):
                return f"forall{{ {self.body(condition)} : {self.body(then)} }}"
            case Not(inner):
                text, own = f"{self.negation}{self.body(inner, _NOT)}", _NOT
            case And(()):
                return "true"
            case Or(()):
                return "fail"
            case And(parts):
                text, own = joint.join(self.body(part, _NOT) for part in parts), _AND
            case Or(parts):
                text, own = self.disjunction.join(self.body(part, _NOT) for part in parts), _OR
        return f"({text})" if own < level else text

    def formula(self, formula: Formula, level: int = _IFF) -> str:
        """The formula of a constraint."""
        match formula:
            case Literal() | Comparison():
                return self.body(formula)
            case FormulaJunction(op, ()):
                return "true" if op == "and" else "fail"
            case FormulaJunction(op, parts):
                own = _F_AND if op == "and" else _F_OR
                text = f" {op} ".join(self.formula(part, _F_NOT) for part in parts)
            case FormulaNot(inner):
                text, own = f"not {self.formula(inner, _F_NOT)}", _F_NOT
            case Implies(left, right):
                text, own = f"{self.formula(left, _F_OR)} implies {self.formula(right, _IMPLIES)}", _IMPLIES
            case Iff(left, right):
                first = self.formula(left, _IMPLIES if isinstance(left, Quantified) else _IFF)
                text, own = f"{first} iff {self.formula(right, _IMPLIES)}", _IFF
            case Quantified():
                names = ", ".join(map(self.term, formula.variables))
                text = f"{formula.quantifier} {names}: {self.formula(formula.formula)}"
                # It would swallow whatever follows, and an operator before it hides that it goes on.
                return text if level == _IFF else f"({text})"
        return f"({text})" if own < level else text

    # ------------------------------------------------------------------------------------------- statements

    def statement(self, statement: Statement) -> str:
        """One statement with its final dot."""
        match statement:
            case Rule():
                return self.block(statement) if statement.block else self.clause(statement) + "."
            case PredicateDecl():
                return self._declaration(statement)
            case NeuralDecl():
                return self._neural(statement)
            case Constraint():
                return self._constraint(statement)
            case Evidence(atom, positive):
                return f"evidence({'' if positive else 'not '}{self.atom(atom)})."
            case Query(atom, body):
                return f"query({self.atom(atom)})." if body is None else f"?- {self.body(body)}."
            case Test():
                return self._test(statement)
            case Prefix(name, iri):
                return f"@prefix {name}: <{iri}> ."
            case Include(path):
                return f"@include {quote(path, chr(34))} ."

    def weight(self, weight: Weight) -> str:
        """A weight as it stands before `::`."""
        value = "_" if weight.value is None else self.term(weight.value)
        return f"t({value})" if weight.learn else value

    def _weight_part(self, weight: Weight) -> str:
        value = "_" if weight.value is None else self.term(weight.value)
        return f"weight {value}{' learn' if weight.learn else ''}"

    def _heads(self, rule: Rule) -> str:
        made = []
        for alternative in rule.heads:
            atoms = " and ".join(map(self.atom, alternative.atoms))
            made.append(atoms if alternative.weight is None else f"{self.weight(alternative.weight)} :: {atoms}")
        return "; ".join(made)

    def clause(self, rule: Rule) -> str:
        """A rule in clause form, without its final dot."""
        return self._heads(rule) if rule.is_fact else f"{self._heads(rule)} :- {self.body(rule.body)}"

    def block(self, rule: Rule) -> str:
        """A rule block."""
        lines = [f"rule {_label(rule.name or '')}"]
        if rule.exception_to is not None:
            lines[0] += f" exception to {_label(rule.exception_to)}"
        heads = self._heads(rule)
        weight = rule.exception_weight
        if weight is None and len(rule.heads) == 1 and rule.heads[0].weight is not None:
            weight = rule.heads[0].weight
            heads = " and ".join(map(self.atom, rule.heads[0].atoms))
        if weight is not None:
            lines.append(self._weight_part(weight))
        if rule.source is not None:
            lines.append(f"source {quote(rule.source, chr(34))}")
        if not rule.is_fact:
            lines.append(f"if {self.body(rule.body, joint=' and ')}")
        elif rule.exception_to is not None:
            lines.append("if true")
        if heads:
            lines.append(f"then {heads}")
        if rule.because is not None:
            lines.append(f"because {quote(rule.because, chr(34))}")
        return "\n  ".join(lines) + " ."

    def _type(self, type_: TypeRef) -> str:
        if type_.kind == "class":
            return spell_iri(type_.iri or "", self.prefixes)
        if type_.kind == "enum":
            return f"{{{', '.join(spell(v, self.prefixes) for v in type_.values)}}}"
        return type_.kind

    def _params(self, args: tuple[Argument, ...]) -> str:
        return f"({', '.join(f'{a.name}: {self._type(a.type)}' for a in args)})" if args else ""

    def _declaration(self, declaration: PredicateDecl) -> str:
        text = f"pred {spell_predicate(declaration.name, self.prefixes)}{self._params(declaration.args)}"
        if declaration.iri is not None:
            text += f" from {spell_iri(declaration.iri, self.prefixes)}"
        if declaration.label is not None:
            text += f" label {quote(declaration.label, chr(34))}"
        return text + (" open ." if declaration.open else " .")

    def _neural(self, neural: NeuralDecl) -> str:
        network = neural.network if is_plain_symbol(neural.network) else quote(neural.network, '"')
        text = f"neural {spell_predicate(neural.name, self.prefixes)}{self._params(neural.args)} by {network}"
        if neural.top is not None:
            text += f" top {neural.top}"
        if neural.label is not None:
            text += f" label {quote(neural.label, chr(34))}"
        return text + " ."

    def _constraint(self, constraint: Constraint) -> str:
        words = ["constraint" if constraint.forbids is None else "forbid"]
        if constraint.name is not None:
            words.append(_label(constraint.name))
        if constraint.weight is not None:
            words.append(self._weight_part(constraint.weight))
        reasons = (("source", constraint.source), ("because", constraint.because))
        words.extend(f"{keyword} {quote(text, chr(34))}" for keyword, text in reasons if text is not None)
        head = " ".join(words) + (":" if constraint.name is not None else "")
        inner = self.body(constraint.forbids) if constraint.forbids is not None else ""
        return f"{head} {self.formula(constraint.formula) if constraint.formula is not None else inner} ."

    def _test(self, test: Test) -> str:
        text = f"test {quote(test.name, chr(34))}:"
        if test.given:
            text += " given " + ", ".join(self.clause(fact) for fact in test.given)
        for expectation in test.expectations:
            atom, probability = self.atom(expectation.atom), expectation.probability
            if probability in (0.0, 1.0):
                text += f" expect {'not ' if probability == 0 else ''}{atom}"
            else:
                text += f" expect {atom} = {spell(float(probability))}"
        return text + " ."


def _label(name: str) -> str:
    return name if is_plain_symbol(name) else quote(name, "'")
