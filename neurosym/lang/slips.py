"""What went wrong where a statement cannot be read, said for people who are not programmers."""

from __future__ import annotations

import re
from difflib import get_close_matches

from neurosym.lang.build import Builder
from neurosym.lang.lalr import STARTERS, ParseFailure
from neurosym.lang.prolog import DIRECTIVES, IF_THEN_ELSE, OPERATORS, WORD_OPERATORS
from neurosym.lang.scanner import RULES, Scan, Token
from neurosym.lang.tables import load
from neurosym.lang.terms import RESERVED

_BROKEN = {
    "!percent": ("NS105", "a `%` directly after a digit", "write 85 % as 0.85; a comment needs a space before its `%`"),
    "!comment": ("NS110", "this comment is never closed", "end it with `*/`"),
    "!number": ("NS112", "this is no number", "a name starts with a letter, and decimals have digits on both sides"),
    "!dot": ("NS138", "a final dot is followed by white space", "put a space or a new line behind it"),
    "!at": ("NS101", "unknown directive", "there are `@prefix` and `@include`"),
}
_REFUSED = {
    "findall": "NS122", "bagof": "NS122", "setof": "NS122", "aggregate_all": "NS122",
    "assert": "NS120", "asserta": "NS120", "assertz": "NS120", "retract": "NS120",
}  # fmt: skip
_NAMES = {
    "NAME": "a name", "VAR": "a variable", "NUMBER": "a number", "DATE": "a date", "STRING": 'a "text"',
    "LANGSTRING": "a text", "QUOTED": "a quoted name", "IRI": "an IRI", "PNAME": "a prefixed name",
    "CMP": "a comparison", "$END": "the final dot", "TRUE": "`true`", "FALSE": "`false`", "FAIL": "`fail`",
    "NOT": "`not`", "CUT": "`!`", "AGG": "an aggregate",
}  # fmt: skip
_TERM_START = {"VAR", "NUMBER", "STRING"}
_LITERAL_START = frozenset({"NAME", "PNAME", "IRI", "QUOTED", "NOT", "VAR", "EXISTS", "FORALL", "AGG", "TRUE", "FALSE"})
_OPERATORS = {"PLUS", "MINUS", "STAR", "SLASH", "MOD"}


def report_broken(builder: Builder, token: Token) -> None:
    """Report a token that the scanner could not read."""
    kind, text, start, end = token
    if kind == "!smart":
        inner = text.strip("“”„‟«»‘’‚‛'\"")
        straight = f'"{inner}"' if text[0] in "“„”‟«»" else f"'{inner}'"
        builder.report(
            "NS106", "typographic quotation marks", start, end, help=f"write {straight}, with straight marks"
        )
    elif kind == "!text":
        what = "text" if text[0] == '"' else "quoted name"
        builder.report("NS110", f"this {what} is never closed", start, end,
                       help=f"end it with {text[0]} on the same line")  # fmt: skip
    elif kind == "!prolog":
        what = "the character" if text[0] == "0" else "the operator"
        builder.report("NS146", f"{what} `{text}` is Prolog's, and not in the language", start, end,
                       help=OPERATORS.get(text, f"write it as text: '{text[2:]}'"))  # fmt: skip
    elif kind == "!character":
        named = f"`{text}`" if text.isprintable() else f"U+{ord(text):04X}"
        builder.report("NS111", f"unexpected character {named}", start, end, help=_character_help(text))
    else:
        code, message, help = _BROKEN[kind]
        if kind == "!dot" and re.match(r"\.\d", builder.scan.text[start : start + 2]):
            message, help = "a decimal has digits on both sides of the point", "write `0.5`, not `.5`"
        builder.report(code, message, start, end, help=help)


def _character_help(text: str) -> str:
    if text in "–—−":
        return "write `-`"
    if text in "≤≥≠":
        return "write " + {"≤": "`=<`", "≥": "`>=`", "≠": "`!=`"}[text]
    return {"&": "write `and`", "~": "write `not`", "#": "a comment starts with `%`"}.get(text, "")


def ends_before(failure: ParseFailure, scan: Scan, first: Token) -> bool:
    """Whether the final dot is missing before the token: a statement could end, and one begins on a new line."""
    index, tokens = failure.index, failure.tokens
    if index == 0 or index >= len(tokens) or "$END" not in failure.expected:
        return False
    here, before = tokens[index], tokens[index - 1]
    if "\n" not in scan.text[before[3] : here[2]]:
        return False
    left = scan.span(first[2], first[3]).column
    starts = here[0] in _LITERAL_START or here[0] in ("NUMBER", "ATPREFIX", "ATINCLUDE", "LPAR")
    starts = starts or here[1] in ("?-", ":-")
    return starts and scan.span(here[2], here[3]).column <= left


def report_missing_dot(builder: Builder, before: Token) -> None:
    """Report a statement that ends without a dot."""
    builder.report("NS102", "the final dot is missing", before[2], before[3], help="end each statement with ` .`")


def report_failure(builder: Builder, failure: ParseFailure) -> None:
    """Report a statement that cannot be read, by the slip's name where it is a known one."""
    tokens, index = failure.tokens, failure.index
    at_end = index >= len(tokens)
    here = tokens[-1] if at_end else tokens[index]
    before = tokens[index - 1] if index else None
    if tokens[0][1] == ":-":
        name = tokens[1][1] if len(tokens) > 1 else ""
        builder.report("NS134", f"the directive `{name}` is refused" if name else "this directive is refused",
                       tokens[0][2], tokens[-1][3],
                       help=DIRECTIVES.get(name, "a rule file only describes; remove it"))  # fmt: skip
        return
    if before is not None and not at_end and _known_slip(builder, failure, before, here):
        return
    if index == 0 and here[1] in ("if", "then"):
        builder.report("NS101", f"a statement does not start with `{here[1]}`", here[2], here[3],
                       help="a rule block starts with `rule NAME`; or is there a dot too many before?")  # fmt: skip
        return
    names_follow = before is None or before[1] in _BEFORE_NAMES
    if not at_end and here[0] == "NAME" and here[1] in RESERVED and "NAME" in failure.expected and names_follow:
        builder.report("NS113", f"`{here[1]}` is a reserved word", here[2], here[3],
                       help=f"as a name it is quoted: '{here[1]}'")  # fmt: skip
        return
    for i, token in enumerate(tokens[:-1]):
        if (code := _REFUSED.get(token[1])) and tokens[i + 1][1] == "(":
            builder.report(code, f"`{token[1]}` is refused", token[2], token[3],
                           help="see `exists{ … }` and the aggregates" if code == "NS122" else "")  # fmt: skip
            return
    open_ = _unclosed(tokens[:index])
    if open_ and (at_end or here[1] in (")", "]", "}")):
        builder.report("NS141", f"`{open_[1]}` is never closed", open_[2], open_[3],
                       help=f"close it with `{_CLOSER[open_[1]]}`")  # fmt: skip
        return
    if not at_end and here[1] in (")", "]", "}") and not open_:
        builder.report("NS141", f"`{here[1]}` closes nothing", here[2], here[3])
        return
    if starter := _misspelt_starter(builder.scan, tokens, index):
        builder.report("NS101", f"no statement starts with `{tokens[0][1]}`", tokens[0][2], tokens[0][3],
                       help=f"did you mean `{starter}`?")  # fmt: skip
        return
    found = "the end of the statement" if at_end else f"`{here[1]}`"
    help = _word_help(builder.scan, tokens, index, failure.expected)
    builder.report(
        "NS101",
        f"{_expected(failure.expected, builder.scan.dialect)} expected, but {found} found",
        here[2],
        here[3],
        help=help,
    )


_BEFORE_NAMES = frozenset("rule to pred neural constraint by ( , {".split())
_PAIRS = {"=>": ">=", "<>": "!=", "=!": "!=", "===": "==", "<==": "=<", ">==": ">=", "!==": "\\=="}
_CLOSER = {"(": ")", "[": "]", "{": "}"}


def _known_slip(builder: Builder, failure: ParseFailure, before: Token, here: Token) -> bool:
    text, expected = builder.scan.text, failure.expected
    index, tokens = failure.index, failure.tokens
    after = tokens[index + 1] if index + 1 < len(tokens) else None
    if here[1] == "," and before[0] == "NUMBER" and after and after[0] == "NUMBER" and after[2] == here[3]:
        start = _digits_start(text, before[2])
        builder.decimal_comma(start, after[3])
    elif here[1] == "-" and before[0] in ("NAME", "VAR") and before[3] == here[2] and after and after[2] == here[3]:
        word = re.compile(r"[\w-]+").match(text, before[2])
        assert word is not None
        name = word.group()
        builder.report("NS107", f"the name `{name}` has a hyphen", before[2], word.end(),
                       help=f"write `{name.replace('-', '_')}`")  # fmt: skip
    elif here[0] == "CMP" and before[0] == "CMP" and before[3] == here[2]:
        wrong = before[1] + here[1]
        right = f"write `{_PAIRS[wrong]}`" if wrong in _PAIRS else "comparisons are = != < =< > >="
        builder.report("NS101", f"`{wrong}` is no comparison", before[2], here[3], help=right)
    elif here[0] == "CMP" and _is_chain(tokens[:index]):
        builder.report("NS116", "comparisons do not chain", here[2], here[3], help="write `A < B and B < C`")
    elif here[1] == "->" or (here[1] == "*" and after and after[1] == "->"):
        builder.report("NS149", "if-then-else `->` is refused", here[2], here[3],
                       note="a rule says what holds, in no order of trying", help=IF_THEN_ELSE)  # fmt: skip
    elif here[1] in WORD_OPERATORS and here[0] == "NAME" and _ends_operand(before) and builder.scan.dialect != RULES:
        builder.report("NS146", f"the operator `{here[1]}` is Prolog's, and not in the language", here[2], here[3],
                       help=WORD_OPERATORS[here[1]])  # fmt: skip
    elif here[1] == "(" and before[3] < here[2] and before[0] in ("NAME", "QUOTED", "PNAME"):
        builder.report("NS101", "a space before `(`", before[2], here[3], help=f"write `{before[1]}(…)`")
    elif here[1] in (",", ")") and tokens[0][1] in ("pred", "neural") and load().punctuation[":"] in expected:
        builder.report("NS101", f"`:` expected, but `{here[1]}` found", here[2], here[3],
                       note="a declaration says of which type each argument is",
                       help=f"write `{before[1]}: any`")  # fmt: skip
    elif here[0] == "VAR" and "NAME" in expected and "VAR" not in expected:
        word = here[1].lstrip("?_")
        builder.report("NS108", f"a name is expected, and `{here[1]}` is a variable", here[2], here[3],
                       help=f"write `{word[:1].lower()}{word[1:]}`, or '{word}' in quotation marks")  # fmt: skip
    elif here[0] in _LITERAL_START and (expected & {"AND", "COMMA"}) and _ends_operand(before):
        _report_missing_joint(builder, tokens, index, expected)
    else:
        return False
    return True


def _report_missing_joint(builder: Builder, tokens: list[Token], index: int, expected: set[str]) -> None:
    here = tokens[index]
    open_ = _unclosed(tokens[:index])
    keywords = [w for w, name in load().keywords.items() if name in expected and w not in RESERVED]
    near = get_close_matches(here[1], [*keywords, "and", "or", "then", "if"], 1, 0.7)
    if here[1] in ("then", "if") and builder.scan.dialect == RULES:  # spelled well, so something before it is missing
        if open_:
            builder.report("NS141", f"`{open_[1]}` is never closed", open_[2], open_[3],
                           help=f"close it with `{_CLOSER[open_[1]]}` before `{here[1]}`")  # fmt: skip
        else:
            builder.report("NS101", f"`{here[1]}` cannot stand here", here[2], here[3],
                           help=f"it belongs to a block, `rule NAME if … then …`; `{tokens[0][1]}` begins none"
                           if tokens[0][1] != "rule" else "a block is written `rule NAME if … then …`")  # fmt: skip
        return
    if near and here[0] == "NAME":
        builder.report("NS101", f"unexpected word `{here[1]}`", here[2], here[3], help=f"did you mean `{near[0]}`?")
        return
    words = "a comma" if (open_ and open_[1] != "{") or "AND" not in expected else "a comma or `and`"
    if builder.scan.dialect != RULES:
        words = "a comma"
    then = ", or `then`" if "THEN" in expected and tokens[0][1] == "rule" and not open_ else ""
    builder.report("NS103", f"{words} is missing before `{here[1]}`", here[2], here[3],
                   help=f"write {words}{then} between the two")  # fmt: skip


def _ends_operand(token: Token) -> bool:
    closes = token[1] in (")", "]", "}")
    return closes or token[0] in ("NAME", "VAR", "NUMBER", "STRING", "QUOTED", "PNAME", "IRI", "DATE", "TRUE", "FALSE")


def _digits_start(text: str, start: int) -> int:
    return start - 1 if text[start - 1 : start] == "-" else start


def _is_chain(tokens: list[Token]) -> bool:
    """Whether a comparison stands before, with no joint in between."""
    depth = 0
    for token in reversed(tokens):
        if token[1] in (")", "]", "}"):
            depth += 1
        elif token[1] in ("(", "[", "{"):
            depth -= 1
            if depth < 0:
                return False
        elif depth == 0 and token[0] == "CMP":
            return True
        elif depth == 0 and (token[1] in (",", ";", ":-", "<-", "and", "or", "if", "not", ":")):
            return False
    return False


def _unclosed(tokens: list[Token]) -> Token | None:
    stack: list[Token] = []
    for token in tokens:
        if token[1] in _CLOSER and token[0] != "STRING":
            stack.append(token)
        elif token[1] in (")", "]", "}") and stack:
            stack.pop()
    return stack[-1] if stack else None


def _expected(expected: set[str], dialect: str) -> str:
    """The expected terminals in words, the long lists summed up."""
    words: list[str] = []
    if expected >= _TERM_START:
        words.append("a term or a literal" if "NOT" in expected else "a term")
    else:
        words.extend(_NAMES[t] for t in _NAMES if t in expected and t != "$END")
        if expected >= _OPERATORS:
            words = [w for w in words if w != "a comparison"]
    names = {name: text for text, name in load().punctuation.items()}
    if dialect == RULES:
        names |= {name: text for text, name in load().keywords.items()}
    if not expected >= _TERM_START:
        skip = _OPERATORS | {"__ANON_5", "__ANON_6"} if expected >= _OPERATORS else set()
        words.extend(f"`{names[t]}`" for t in sorted(expected) if t in names and t not in skip)
    if "$END" in expected:
        words.append("the final dot")
    words = list(dict.fromkeys(words))
    if len(words) > 8:
        words = [*words[:7], "…"]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "nothing more"


def _word_help(scan: Scan, tokens: list[Token], index: int, expected: set[str]) -> str:
    if index >= len(tokens):
        return ""
    word = tokens[index][1]
    before = tokens[index - 1][1] if index else ""
    if word == "<":
        return "an IRI starts with its scheme: `<http://…>`"
    if word == "<-":
        return "`<-` is always the arrow; less than a negative number is written `X < -3`"
    if word == ":" and tokens[index + 1 : index + 2] and tokens[index + 1][1] == "-":
        return "the arrow `:-` is written without a space"
    if word == ":" and index == 1 and tokens[0][0] == "NUMBER":
        return f"a weight is followed by two colons: `{before} :: …`"
    if tokens[index][0] != "NAME" or scan.dialect != RULES:
        return ""
    keywords = [text for text, name in load().keywords.items() if name in expected]
    near = get_close_matches(word, keywords, 1, 0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def _misspelt_starter(scan: Scan, tokens: list[Token], index: int) -> str | None:
    """`rule` for `rul a if …`."""
    if index != 1 or tokens[0][0] != "NAME" or scan.dialect != RULES or tokens[0][1] in STARTERS:
        return None
    near = get_close_matches(tokens[0][1].lower(), STARTERS, 1, 0.7)
    return near[0] if near else None
