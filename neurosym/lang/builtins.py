"""The names that the language gives a meaning: functions in expressions and tests in bodies."""

from __future__ import annotations

# name → number of arguments
FUNCTIONS: dict[str, int] = {
    "min": 2, "max": 2, "abs": 1, "round": 1, "floor": 1, "ceil": 1, "sqrt": 1, "log": 1, "exp": 1,
    "lower": 1, "upper": 1, "concat": 2, "length": 1, "days_between": 2, "year": 1,
}  # fmt: skip
FUNCTIONS_OF_ANY_ARITY = frozenset({"concat"})  # two or more
TEXT_FUNCTIONS = frozenset({"lower", "upper", "concat"})

# (name, arity) → positions that it binds; it needs the others bound
PREDICATES: dict[tuple[str, int], frozenset[int]] = {
    ("contains", 2): frozenset(),
    ("starts_with", 2): frozenset(),
    ("ends_with", 2): frozenset(),
    ("matches", 2): frozenset(),
    ("between", 3): frozenset({2}),
}
TRIPLE = ("triple", 3)
TYPES = ("any", "symbol", "string", "int", "float", "bool", "date", "Image", "Text", "Tensor")
SLOT_TYPES = frozenset({"Image", "Text", "Tensor"})
