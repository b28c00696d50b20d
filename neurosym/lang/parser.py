"""Rule text → Program: statements one by one, includes expanded, every fault collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neurosym.errors import Diagnostic, RuleError, Span
from neurosym.lang.actions import Actions
from neurosym.lang.ast import Atom, Include, Not, Prefix, Program, Query, Statement
from neurosym.lang.collector import collector_waits
from neurosym.lang.expressions import unquote
from neurosym.lang.fact_reader import FactReader
from neurosym.lang.lalr import Action, ParseFailure, parse
from neurosym.lang.scanner import MAX_DEPTH, PL, RULES, Chunk, Scan, Token, rescan, scan
from neurosym.lang.slips import ends_before, report_broken, report_failure, report_missing_dot
from neurosym.lang.tables import load
from neurosym.lang.terms import STANDARD_PREFIXES
from neurosym.lang.walk import NO_CALCULATION, calculates_with

MAX_OPERATORS = 500


@dataclass
class Parsed:
    """What parsing gives before any check.

    Attributes:
        broken_names: words of the statements that could not be read; whoever misses a predicate looks here first.
        dialects: of all texts; quoted, plain: names that `.pl` texts write with quotation marks, and without.
    """

    statements: list[Statement] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    broken_names: set[str] = field(default_factory=set)
    dialects: set[str] = field(default_factory=set)
    quoted: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)


def dialect_of(path: str) -> str:
    """`pl` for a `.pl` or `.pro` file name, else `rules`."""
    return PL if path.endswith((".pl", ".pro", ".problog")) else RULES


class Loader:
    """Reads files with what they include, each once."""

    def __init__(self) -> None:
        self.result = Parsed()
        self._prefixes: dict[str, str] = {}  # of all files, for includes that use their includer's
        self._done: set[str] = set()

    def text(self, text: str, file: str, dialect: str, base: Path | None, chain: tuple[str, ...] = ()) -> None:
        """Parse a text; its includes are read from the folder `base`."""
        self.result.texts[file] = text
        scanned = scan(text, file, dialect)
        self.result.dialects.add(dialect)
        prefixes: dict[str, str] = {}
        own = self.collect_prefixes(scanned)
        self._prefixes_of_includes(scanned, base, {file})
        self._prefixes |= own
        prefixes |= self._prefixes
        statements, diagnostics = self.result.statements, self.result.diagnostics
        facts = FactReader(scanned)
        for chunk in scanned.chunks:
            if (fact := facts.read(chunk)) is not None:
                statements.append(fact)
                continue
            if dialect == PL:
                self._note_names(chunk)
            before = len(diagnostics)
            made = self._chunk(scanned, chunk, prefixes)
            if len(diagnostics) == before:
                facts.learn(chunk, made)
            for statement in made:
                statements.append(statement)
                if isinstance(statement, Include):
                    self._include(statement, scanned, base, chain)
        if dialect == PL:
            self.result.quoted |= facts.quoted
            self.result.plain |= facts.plain

    def file(self, path: Path, file: str, chain: tuple[str, ...] = ()) -> None:
        """Parse a file; a fault if it cannot be read."""
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error).lower()
            self._fault("NS130", f"`{file}` cannot be read: {reason}", Span(file, 1, 1, 1, 1))
            return
        resolved = str(path.resolve())
        self._done.add(resolved)
        self.text(text, file, dialect_of(file), path.parent, (*chain, resolved))

    def _note_names(self, chunk: Chunk) -> None:
        for kind, text, _, _ in chunk.tokens:
            if kind == "QUOTED":
                self.result.quoted.add(unquote(text))
            elif kind == "NAME":
                self.result.plain.add(text)

    # ------------------------------------------------------------------------------------------- statements

    def collect_prefixes(self, scanned: Scan, quiet: bool = False) -> dict[str, str]:
        """The prefixes that a text declares; they count for all of it, wherever they stand."""
        own: dict[str, str] = {}
        for chunk in scanned.chunks:
            if chunk.fact is None and chunk.tokens and chunk.tokens[0][0] == "ATPREFIX":
                for statement in self._chunk(scanned, Chunk(chunk.tokens, 0), {}, quiet=True):
                    if isinstance(statement, Prefix):
                        if own.get(statement.name, statement.iri) != statement.iri and not quiet:
                            self._fault("NS142", f"the prefix `{statement.name}:` is declared twice, differently",
                                        statement.span, scanned)  # fmt: skip
                        own.setdefault(statement.name, statement.iri)
        return own

    def _prefixes_of_includes(self, scanned: Scan, base: Path | None, seen: set[str]) -> None:
        """Gather the prefixes of included files before their includer is read, for order means nothing."""
        if base is None:
            return
        others = (c.tokens for c in scanned.chunks if c.fact is None)
        paths = [tokens[1][1] for tokens in others if len(tokens) == 2 and tokens[0][0] == "ATINCLUDE"]
        for path in map(unquote, paths):
            target = (base / path).resolve()
            if str(target) in seen or not target.is_relative_to(base.resolve()) or not target.is_file():
                continue  # the fault is reported where the include is followed
            seen.add(str(target))
            inner = scan(target.read_text("utf-8-sig", errors="replace"), str(target), dialect_of(path))
            self._prefixes.update(self.collect_prefixes(inner, quiet=True))
            self._prefixes_of_includes(inner, target.parent, seen)

    def _chunk(self, scanned: Scan, chunk: Chunk, prefixes: Mapping[str, str], quiet: bool = False) -> list[Statement]:
        statements: list[Statement] = []
        builder = Actions(scanned, STANDARD_PREFIXES | dict(prefixes))
        tokens, end = chunk.tokens, chunk.end
        if not tokens:
            if chunk.end is not None:
                builder.report("NS101", "a dot without a statement", chunk.end - 1, chunk.end)
        elif broken := chunk.broken:
            for token in broken:
                report_broken(builder, token)
        elif too_deep(tokens):
            builder.report("NS144", "this statement is nested too deeply, or has too many operators", tokens[0][2],
                           tokens[0][3], help="split it into several rules")  # fmt: skip
        else:
            statements = self._parse(builder, tokens, end)
        if not quiet:
            self.result.diagnostics.extend(builder.faults)
            if any(d.severity == "error" for d in builder.faults):
                self.result.broken_names.update(t[1] for t in tokens)
        return statements

    def _parse(self, builder: Actions, tokens: list[Token], end: int | None) -> list[Statement]:
        """The statements of a chunk: one, unless final dots are missing."""
        statements: list[Statement] = []
        while tokens:
            before = len(builder.faults)
            rest: list[Token] = []
            try:
                value = run(builder, tokens)
            except ParseFailure as failure:
                value = None
                if ends_before(failure, builder.scan, tokens[0]):
                    tokens, rest = failure.tokens[: failure.index], failure.tokens[failure.index :]
                    report_missing_dot(builder, tokens[-1])
                    self.result.broken_names.update(t[1] for t in tokens)
                else:
                    report_failure(builder, failure)
            else:
                if end is None:
                    report_missing_dot(builder, tokens[-1])
            capital_slips(builder, tokens)
            if value is not None and not any(d.severity == "error" for d in builder.faults[before:]):
                statements.append(with_end(value, builder.scan, tokens[0], end))
            tokens = rest
        return statements

    # --------------------------------------------------------------------------------------------- includes

    def _include(self, include: Include, scanned: Scan, base: Path | None, chain: tuple[str, ...]) -> None:
        written = scanned.text.find(include.path, scanned.offset(include.span.line, include.span.column))
        span = scanned.span(written, written + len(include.path)) if written >= 0 else include.span
        if base is None:
            self._fault("NS130", f"`{include.path}` cannot be included from a text without a folder", span, scanned,
                        help="pass base_dir, or read it from a file")  # fmt: skip
            return
        target = (base / include.path).resolve()
        if Path(include.path).is_absolute() or not target.is_relative_to(base.resolve()):
            self._fault("NS132", f"`{include.path}` lies outside the including file's folder", span, scanned,
                        note="a file reads no file outside its folder", help="copy it here")  # fmt: skip
        elif str(target) in chain:
            names = [Path(c).name for c in chain[chain.index(str(target)) :]]
            self._fault("NS131", f"include cycle: {' → '.join([*names, target.name])}", span, scanned)
        elif not target.is_file():
            from difflib import get_close_matches

            near = get_close_matches(target.name, [p.name for p in base.iterdir()], 1) if base.is_dir() else []
            hint = f"did you mean `{near[0]}`?" if near else ""
            self._fault("NS130", f"`{include.path}` does not exist", span, scanned, help=hint)
        elif str(target) not in self._done:
            folder = scanned.file.rsplit("/", 1)[0] + "/" if "/" in scanned.file else ""
            self.file(target, folder + include.path, chain)

    def _fault(self, code: str, message: str, span: Span, scanned: Scan | None = None, **more: str) -> None:
        source = scanned.line(span.line) if scanned else ""
        self.result.diagnostics.append(Diagnostic(code, "error", message, span, source, **more))


def run(builder: Actions, tokens: list[Token], guess: bool = True) -> Statement | None:
    """The statement that the tokens are, as the actions give it.

    Args:
        guess: split `X:p` where it could be a name with an undeclared prefix, but hardly is.
    """
    builder.anonymous = 0
    builder.taken = frozenset(t[1] for t in tokens if t[0] == "VAR")
    text, dialect = builder.scan.text, builder.scan.dialect

    def split(token: Token, before: Token | None, fits: bool) -> list[Token] | None:
        """A name, a colon and what follows, where `X:p` or `arg:int` is no prefixed name."""
        prefix = token[1].split(":", 1)[0]
        known = prefix in builder.prefixes
        after_label = before is not None and before[1] in ("forbid", "constraint")
        if fits and (known or not guess or not (prefix[0].isupper() or after_label)):
            return None
        middle = token[2] + len(prefix)
        kind = "VAR" if prefix[0] != prefix[0].lower() else "NAME"
        colon = (load().punctuation[":"], ":", middle, middle + 1)
        return [(kind, prefix, token[2], middle), colon, *rescan(text, middle + 1, tokens[-1][3], dialect)]

    return parse(tokens, dialect, _methods(builder), split)


def _methods(builder: Actions) -> dict[str, Action]:
    """Production name → bound method, looked up when first used."""
    return _Bound(builder)


class _Bound(dict):
    def __init__(self, builder: Actions) -> None:
        self._builder = builder

    def __missing__(self, name: str) -> Action:
        method = self[name] = getattr(self._builder, name)
        return method


def with_end(statement: Statement, scanned: Scan, first: Token, end: int | None) -> Statement:
    """The statement with a span that takes in its final dot."""
    if end is not None:
        object.__setattr__(statement, "span", scanned.span(first[2], end))  # it was made here, nobody has seen it
    return statement


def too_deep(tokens: list[Token]) -> bool:
    """Whether recursive functions over the statement's tree could overflow the stack."""
    if len(tokens) < MAX_DEPTH:
        return False
    depth = deepest = operators = 0
    for _, text, _, _ in tokens:
        if text in ("(", "[", "{"):
            depth += 1
            deepest = max(deepest, depth)
        elif text in (")", "]", "}"):
            depth -= 1
        elif text in ("+", "-", "*", "/", "//", "**", "mod", "not", "\\+", "implies", "iff", "exists", "forall"):
            operators += 1
    return deepest > MAX_DEPTH or operators > MAX_OPERATORS


def capital_slips(builder: Actions, tokens: list[Token]) -> None:
    """A capitalised word where the statement writes its variables with `?`: most likely meant as a constant."""
    variables = [t for t in tokens if t[0] == "VAR"]
    if not any(t[1][0] == "?" for t in variables):
        return
    block = tokens[0][1] == "rule"
    for i, token in enumerate(tokens):
        name = token[1]
        if token[0] != "VAR" or name[0] in "?_" or (i + 1 < len(tokens) and tokens[i + 1][1] == "("):
            continue
        if block or sum(t[1] == name for t in variables) == 1:
            builder.report("NS109", f"`{name}` is a variable, and others here are written with `?`",
                           token[2], token[3],
                           help=f"write `{name[0].lower()}{name[1:]}` or '{name}', or `?{name}`")  # fmt: skip


def parse_source(text: str, file: str, dialect: str, base: Path | None) -> Parsed:
    """Parse one text, unchecked."""
    loader = Loader()
    with collector_waits():
        loader.text(text, file, dialect, base)
    return loader.result


def parse_paths(paths: Iterable[str | Path]) -> Parsed:
    """Parse files, unchecked; their statements follow one another."""
    loader = Loader()
    with collector_waits():
        for path in paths:
            loader.file(Path(path), str(path))
    return loader.result


def parse_atom(text: str, prefixes: Mapping[str, str] = STANDARD_PREFIXES, dialect: str = RULES) -> Atom:
    """The atom of a query given as text, such as `suspect(P, D)`; a final dot is tolerated.

    Raises:
        RuleError: it is no atom, or NS234 it calculates with a variable.
    """
    query = parse_query(text, prefixes, dialect)
    if query.body is not None:
        what = "is negated" if query.each or isinstance(query.body, Not) else "is more than one atom"
        message = f"one atom is expected, and `{text}` {what}"
        raise RuleError([Diagnostic("NS129", "error", message, query.span, text, help="give each literal by itself")])
    return query.atom


def parse_query(text: str, prefixes: Mapping[str, str] = STANDARD_PREFIXES, dialect: str = RULES) -> Query:
    r"""A query given as text: an atom, `\+ a`, or a body such as `a, b(X)`; a final dot is tolerated.

    Raises:
        RuleError: it cannot be read, or NS234 it calculates with a variable.
    """
    scanned = scan(text, "<query>", dialect)
    builder = Actions(scanned, STANDARD_PREFIXES | dict(prefixes))
    tokens = [t for chunk in scanned.chunks for t in chunk.tokens]
    statement = None
    if broken := [t for t in tokens if t[0].startswith("!")]:
        for token in broken:
            report_broken(builder, token)
    elif not tokens or len(scanned.chunks) != 1 or too_deep(tokens):
        builder.report("NS101", "one atom is expected, such as `p(X, bob)`", 0, len(text))
    else:
        question = (load().punctuation["?-"], "?-", 0, 0)
        try:
            statement = run(builder, [question, *tokens])
        except ParseFailure as failure:
            report_failure(builder, failure)
    if isinstance(statement, Query) and calculates_with(statement.atom) is not None:
        builder.report("NS234", "a query cannot calculate with a variable", 0, len(text), help=NO_CALCULATION)
    if any(d.severity == "error" for d in builder.faults) or not isinstance(statement, Query):
        raise RuleError(builder.faults)
    return statement


def program_of(parsed: Parsed, warnings: Iterable[Diagnostic] = ()) -> Program:
    """The Program of what was parsed."""
    dialect = PL if parsed.dialects == {PL} else RULES
    quoted = frozenset(parsed.quoted - parsed.plain) if dialect == PL else frozenset()
    return Program(tuple(parsed.statements), parsed.texts, tuple(warnings), dialect=dialect, quoted=quoted)
