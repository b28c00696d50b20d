"""The authored programs in clingo's language: an outside reading of the rule texts, without the engine.

It knows as much of the rule language as those programs use, and reads the files' text alone. Weighted rules are
choices: what holds in every answer set holds with probability 1, what holds in none has probability 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import clingo

COMMENT = re.compile(r"%.*?$|/\*.*?\*/", re.M | re.S)
TEXT = re.compile(r'"[^"]*"')
NAME = re.compile(r"\brule\s+(\w+)")
KEYWORDS = re.compile(r"^(?:weight|source|because|exception\s+to)\b.*$", re.M)
DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


@dataclass(frozen=True)
class TextRule:
    """A rule block, as its text says it: names of variables and predicates are the file's."""

    name: str
    target: str | None
    weighted: bool
    heads: tuple[str, ...]
    bodies: tuple[str, ...]

    @property
    def variables(self) -> set[str]:
        return set(re.findall(r"\bV\w+", " ".join([*self.heads, self.bodies[0]])))


def term(text: str) -> str:
    """Text of atoms and comparisons in clingo's spelling: variables, IRIs, dates, operators."""
    text = DATE.sub(r"\1\2\3", text)
    text = re.sub(r"\?(\w+)", r"V\1", text)
    text = re.sub(r"\b(\w+):(\w+)", r"\1_\2", text)
    text = text.replace("\\=", "!=").replace("=<", "<=").replace(" mod ", " \\ ")
    return re.sub(r"= min\((.+), (\d+)\)", r"= min{ \1; \2 }", text)


def rules_of(text: str) -> dict[str, TextRule]:
    """The rule blocks of a file."""
    text = TEXT.sub("TEXT", COMMENT.sub("", text))
    found = {}
    for block in re.split(r"\.\s*\n", text):
        named = NAME.search(block)
        if named is None:
            continue
        target = re.search(r"exception\s+to\s+(\w+)", block)
        body = re.search(r"\bif\b(.*?)(?=\bthen\b|\bbecause\b|$)", block, re.S)
        head = re.search(r"\bthen\b(.*?)(?=\bbecause\b|$)", block, re.S)
        assert body is not None, block
        heads = tuple(term(h).strip() for h in re.split(r"\band\b", " ".join(head[1].split()))) if head else ()
        weighted = re.search(r"^\s*weight\s", block, re.M) is not None
        bodies = tuple(_joined(b) for b in _alternatives(term(" ".join(body[1].split()))))
        found[named[1]] = TextRule(named[1], target[1] if target else None, weighted, heads, bodies)
    return found


def _alternatives(body: str) -> list[str]:
    """A body without `or`: one for each side."""
    inner = re.search(r"\((?=[^()]*(?:\([^()]*\)[^()]*)* or )", body)
    if inner is None:
        return body.split(" or ")
    depth, end = 0, inner.start()
    for end in range(inner.start(), len(body)):
        depth += {"(": 1, ")": -1}.get(body[end], 0)
        if not depth:
            break
    sides = body[inner.start() + 1 : end].split(" or ")
    return [body[: inner.start()] + side + body[end + 1 :] for side in sides]


def _joined(body: str) -> str:
    """`and` as a comma, aggregates as clingo writes them."""
    return re.sub(r"\b(count|sum|min|max)\{", r"#\1{", body.replace(" and ", ", "))


def program(rules: dict[str, TextRule]) -> str:
    """All rules, each guarded by the exceptions to it."""
    return "\n".join(line for rule in rules.values() for line in _lines(rule, rules))


def _lines(rule: TextRule, rules: dict[str, TextRule]) -> list[str]:
    guards = "".join(f", not {_applies(e, rules)}" for e in rules.values() if e.target == rule.name)
    heads, outside = rule.heads, [""]
    if rule.target is not None:
        heads, outside = (_applies(rule, rules),), _around(rule, rules)
    left, right = ("{ ", " }") if rule.weighted else ("", "")
    bodies = [body + around for body in rule.bodies for around in outside]
    return [f"{left}{head}{right} :- {body}{guards}." for head in heads for body in bodies]


def _shared(rule: TextRule, rules: dict[str, TextRule]) -> list[str]:
    """The variables of an exception that are those of the rule it excepts."""
    assert rule.target is not None
    target = rules[rule.target]
    outer = set(re.findall(r"\bV\w+", " ".join(target.heads)))
    if target.target is not None:
        outer |= target.variables
    return sorted(rule.variables & outer)


def _applies(rule: TextRule, rules: dict[str, TextRule]) -> str:
    shared = _shared(rule, rules)
    return f"applies_{rule.name}({','.join(shared)})" if shared else f"applies_{rule.name}"


def _around(rule: TextRule, rules: dict[str, TextRule]) -> list[str]:
    """The bodies of the excepted rule, its own variables renamed: they bind what the exception does not."""
    assert rule.target is not None
    shared = set(_shared(rule, rules))

    def renamed(match: re.Match[str]) -> str:
        return match[0] if match[0] in shared else match[0] + "_outer"

    return [", " + re.sub(r"\bV\w+", renamed, body) for body in rules[rule.target].bodies]


def step(rule: TextRule, head: str, facts: set[str]) -> bool:
    """Whether some instance of a rule derives a head from facts and nothing else."""
    plain = [f"{h} :- {b}." for h in rule.heads for b in rule.bodies]
    return head in consequences("\n".join(plain), facts, "cautious")


def excepts(rule: TextRule, rules: dict[str, TextRule], args: set[str], facts: set[str]) -> bool:
    """Whether some instance of an exception applies to some terms, from facts and nothing else."""
    head = _applies(rule, rules)
    found = consequences("\n".join(f"{head} :- {b}." for b in rule.bodies), facts, "cautious") - facts
    return any(set(_arguments(a)) == args for a in found if a.split("(")[0] == head.split("(")[0])


def _arguments(spelled: str) -> list[str]:
    inner = spelled.partition("(")[2].removesuffix(")")
    return [a.strip() for a in inner.split(",")] if inner else []


def consequences(rules: str, facts: set[str], mode: str) -> set[str]:
    """Atoms that hold in every answer set (`cautious`), or in some (`brave`)."""
    quiet = clingo.Control([f"--enum-mode={mode}", "0"], logger=lambda code, message: None)
    quiet.add("base", [], rules + "\n" + "\n".join(f"{f}." for f in facts))
    quiet.ground([("base", [])])
    last: set[str] = set()
    with quiet.solve(yield_=True) as models:
        for model in models:
            last = {str(s) for s in model.symbols(atoms=True)}
    return last


def atom(text: str) -> str:
    """An atom of an explanation as clingo spells it."""
    return term(text).replace(", ", ",")
