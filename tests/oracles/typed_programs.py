"""Random programs over numbers, texts and dates that use every built-in, as text.

Values are typed most of the time, so that built-ins have something to work on, and now and then are not. A statement
is made from a drawn seed, because hypothesis by itself prefers the first of all options; failures shrink by statements
that are left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
KEYS = ("a", "b", "c")
NUMBERS = ("0", "1", "2", "-3", "7", "0.0", "1.0", "-2.5", "0.1", "0.5", "3.0", "-7", "1000000.0", "9007199254740993")
TEXTS = ('""', '"a"', '"A"', '"ab ba"', '"Straße"', '"ß"', '"b"@en', '"B"@fr', '"a"@fr', '"İx"', '"1"', "a", "'B c'")
DATES = ("2024-02-29", "2023-12-31", "2024-03-01", "1900-02-28", "2000-02-29")
OTHERS = ("true", "false", "<http://ex.org/a>", '"x"^^<http://ex.org/t>')
PATTERNS = ('"a"', '"^a"', '"[A-Z]$"', '"^$"', '"b+ b"', '"."', '"ß|s"', '"^[0-9]+$"')
# kind of the second argument; the first is a key. A layer uses lower ones in any way, its own positively.
LAYERS = (
    {"num": "number", "txt": "text", "day": "date", "mix": "any", "ok": "", "rel": "key"},
    {"num1": "number", "txt1": "text", "mix1": "any", "ok1": "", "rel1": "key"},
    {"num2": "number", "txt2": "text", "mix2": "any", "ok2": "", "rel2": "key"},
)
VALUES = {"number": NUMBERS, "text": TEXTS, "date": DATES, "any": NUMBERS + TEXTS + DATES + OTHERS, "key": KEYS}


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fresh = 0

    def pick(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def name(self, kind: str) -> str:
        self.fresh += 1
        return f"{kind[:1].upper()}{self.fresh}"

    def fact(self) -> str:
        name = self.pick(list(LAYERS[0]))
        kind = LAYERS[0][name]
        return f"{name}({self.pick(KEYS)})." if not kind else f"{name}({self.pick(KEYS)}, {self.pick(VALUES[kind])})."

    # ------------------------------------------------------------------------------------------- expressions

    def some(self, kind: str, bound: dict[str, str]) -> str:
        """A bound variable of a kind, or a constant; rarely of another kind."""
        if self.chance(8):
            return self.pick([*bound, self.pick(VALUES["any"])])
        fitting = [v for v, k in bound.items() if k in (kind, "any")]
        return self.pick([*fitting, *fitting, *fitting, self.pick(VALUES[kind])])

    def expression(self, kind: str, bound: dict[str, str], depth: int = 2) -> str:
        if depth == 0 or kind not in ("number", "text") or self.chance(30):
            return self.some(kind, bound)
        again = lambda k: self.expression(k, bound, depth - 1)  # noqa: E731
        if kind == "text":
            which = self.pick(("lower", "upper", "concat", "concat"))
            if which != "concat":
                return f"{which}({again('text')})"
            parts = [again(self.pick(("text", "text", "number"))) for _ in range(self.pick((2, 2, 3)))]
            return f"concat({', '.join(parts)})"
        which = self.random.randrange(12)
        if which < 6:
            return f"({again('number')} {self.pick(('+', '-', '*', '/', '//', 'mod', '**'))} {again('number')})"
        if which < 9:
            return f"{self.pick(('abs', 'round', 'floor', 'ceil', 'sqrt', 'log', 'exp', '-'))}({again('number')})"
        if which == 9:
            return f"{self.pick(('min', 'max'))}({again('number')}, {again('number')})"
        if which == 10:
            return f"length({again('text')})"
        return self.pick((f"year({again('date')})", f"days_between({again('date')}, {again('date')})"))

    # ------------------------------------------------------------------------------------------------ bodies

    def literal(self, layers: Sequence[dict[str, str]], bound: dict[str, str], fresh: bool = True) -> str:
        """A positive literal; with `fresh` it may bind variables."""
        options = [(n, k) for layer in layers for n, k in layer.items()]
        name, kind = self.pick(options)
        args = []
        for wanted in ("key", kind) if kind else ("key",):
            known = [v for v, k in bound.items() if k == wanted]
            if fresh and (not known or self.chance(40 if wanted == "key" else 85)):
                args.append(self.name(wanted))
                bound[args[-1]] = wanted
            else:
                args.append(self.pick([*known, *known, self.pick(VALUES[wanted]), *([] if fresh else ["_"])]))
        return f"{name}({', '.join(args)})"

    def test(self, bound: dict[str, str]) -> str:
        kind = self.pick(("number", "number", "text", "date", "any"))
        if kind == "text" and self.chance(60):
            name = self.pick(("contains", "starts_with", "ends_with", "matches"))
            subject = self.expression("text", bound, 1)
            test = (
                f"{name}({subject}, {self.pick(PATTERNS) if name == 'matches' else self.expression('text', bound, 1)})"
            )
        elif kind == "number" and self.chance(20):
            ends = ", ".join(self.expression("number", bound, 1) for _ in range(3))
            test = f"between({ends})"
        else:
            op = self.pick(("=", "\\=", "!=", "==", "\\==", "=:=", "=\\=", "<", "=<", "<=", ">", ">="))
            test = f"{self.expression(kind, bound, 1)} {op} {self.expression(kind, bound, 1)}"
        return f"not ({test})" if self.chance(15) else test

    def aggregate(self, lower: Sequence[dict[str, str]], bound: dict[str, str]) -> list[str]:
        kind = self.pick(("number", "number", "text", "date"))
        name = self.pick([n for layer in lower for n, k in layer.items() if k == kind] or ["num"])
        kind = kind if name != "num" else "number"
        key = self.pick([*(v for v, k in bound.items() if k == "key"), "_", "K"])
        inner = {**bound, "V": kind}
        body = f"{name}({key}, V)" + (f", {self.test(inner)}" if self.chance(30) else "")
        result = self.name("number")
        if kind == "number":
            function = self.pick(("count", "sum", "min", "max", "avg"))
            value = self.pick(("V", "V", "V * 2", "abs(V)", "V / 2", "1"))
        else:
            function = self.pick(("count", "min", "max"))
            value = self.pick(("V", "V", "length(V)" if kind == "text" else "year(V)"))
        bound[result] = "any" if function in ("min", "max") else "number"
        rest = ", K" if key == "K" and self.chance(50) else ""
        found = [f"{result} = {function}{{ {value}{rest} : {body} }}"]
        return found if self.chance(70) else [*found, f"{result} {self.pick(('>', '=:=', '=<'))} 1"]

    def negation(self, lower: Sequence[dict[str, str]], bound: dict[str, str]) -> str:
        if self.chance(50):
            return f"not {self.literal(lower, bound, fresh=False)}"
        inner = {**bound, "W": self.pick(("number", "text"))}
        name = {"number": "num", "text": "txt"}[inner["W"]]
        key = self.pick([*(v for v, k in bound.items() if k == "key"), "_"])
        first, second = f"{name}({key}, W)", self.test(inner)
        return self.pick(
            (f"not ({first}, {second})", f"exists{{ {first}, {second} }}", f"forall{{ {first} : {second} }}")
        )

    def rule(self, layer: int) -> str:
        name = self.pick(list(LAYERS[layer]))
        kind = LAYERS[layer][name]
        bound: dict[str, str] = {}
        body = [self.literal(LAYERS[:layer], bound) for _ in range(self.pick((1, 1, 2, 2)))]
        recursive = self.chance(40)
        if recursive:  # over what is there: values that a cycle makes need not end
            body.append(self.literal((LAYERS[layer],), bound))
        body.extend(self.test(bound) for _ in range(self.pick((0, 0, 0, 1, 2))))
        if self.chance(25):
            body.append(self.negation(LAYERS[:layer], bound))
        if self.chance(25):
            body.extend(self.aggregate(LAYERS[:layer], bound))
        if self.chance(15):
            low, high = self.pick(("-1", "0", "1", "2")), self.expression("number", bound, 1)
            variable = self.name("number")
            bound[variable] = "number"
            body.append(f"between({low}, min({high}, 12), {variable})")
        key = self.pick([*(v for v, k in bound.items() if k == "key"), self.pick(KEYS)])
        args = [key]
        if kind:
            value = self.some(kind, bound) if recursive else self.expression(kind, bound)
            if not recursive and self.chance(50):
                target = self.name("value")
                body.append(f"{target} {self.pick(('is', '='))} {value}")
                value = target
            args.append(value)
        return f"{name}({', '.join(args)}) :- {', '.join(self.random.sample(body, len(body)))}."


@st.composite
def typed_programs(draw: st.DrawFn, facts: int = 18, rules: int = 8) -> list[str]:
    """The statements of a program."""
    kept = []
    for k in range(facts + rules):
        seed = draw(st.integers(0, 2**32))
        if seed:  # 0, to which failures shrink, leaves the statement out
            maker = _Maker(seed)
            kept.append(maker.fact() if k < facts else maker.rule(1 + (k - facts) * (len(LAYERS) - 1) // rules))
    # every predicate is known, so that the checker has nothing to complain about
    known = [f"{n}({'0, 0' if k else '0'}) :- fail." for layer in LAYERS for n, k in layer.items()]
    return known + kept
