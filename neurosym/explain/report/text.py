"""An explanation for a terminal or a log: sentences first, plain text without colours."""

from __future__ import annotations

import io

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from neurosym.explain.model import Attribution, Explanation, Node
from neurosym.explain.report.alternatives import alternative_lines, headline
from neurosym.explain.report.branches import WIDE, Branch, proof_tree
from neurosym.explain.report.method import method_words, middle_words, weight_words, weights_here
from neurosym.explain.report.safe import clean
from neurosym.explain.report.wording import (
    chance,
    compared,
    end_words,
    kind_words,
    looked_at,
    path_words,
    percent,
    plural,
    rest_words,
    sentence,
    shared,
    shares_words,
    signed,
)

WIDTH = 100


def explanation_text(explanation: Explanation) -> str:
    """The explanation as plain text, 100 columns wide."""
    out = io.StringIO()
    # Texts go in as Text objects, never as markup: an atom may hold square brackets.
    console = Console(
        file=out, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False, highlight=False,
        markup=False, emoji=False,
    )  # fmt: skip
    if explanation.verified == ():
        console.print(_text(f"This report does not verify, do not rely on it: {'; '.join(explanation.unverified)}."))
    console.print(_text(headline(explanation)))
    for observed in explanation.given:
        console.print(_text(f"Given: {sentence(observed)}"))
    for warning in explanation.warnings:
        console.print(_text(f"Note: {sentence(warning)}"))
    _print_proofs(console, explanation)
    for line in alternative_lines(explanation):
        console.print(Padding(_text(line.lstrip()), (0, 0, 0, len(line) - len(line.lstrip()))))
    if explanation.contributions:
        console.print()
        console.print(_contributions(explanation))
        console.print(_text("Each is left out alone; the differences need not add up."))
        if middle_words(explanation.claim):
            console.print(_text(middle_words(explanation.claim)))
        if explanation.shares is not None:
            console.print(_text(shares_words(explanation)))
    if explanation.rules:
        console.print()
        console.print(_text("Rules"))
        here = weights_here(explanation)
        for number, rule in enumerate(explanation.rules):
            source = f" · {rule.source}" if rule.source else ""
            weight = weight_words(rule, here.get(number, ()))
            console.print(Padding(_text(f"{rule.name} ({weight}) {rule.file}:{rule.line}{source}"), (0, 2)))
    console.print()
    console.print(_text(_provenance(explanation)))
    if explanation.verified is None:
        why = "; ".join(explanation.unverified)
        console.print(_text("Not verified when this was made" + (f": {why}." if why else ".")))
    elif explanation.verified:
        console.print(_text(f"Verified when this was made: {'; '.join(explanation.verified)}."))
        if explanation.unverified:
            console.print(_text(f"Not looked at: {'; '.join(explanation.unverified)}."))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _print_proofs(console: Console, explanation: Explanation) -> None:
    told: set[str] = set()
    for number, proof in enumerate(explanation.proofs):
        branch = proof_tree(explanation, proof)
        if branch is None:
            continue
        console.print()
        title = "Why" if number == 0 else f"Also, proof {number + 1}"
        alone = "this proof alone, if what it assumes is so" if proof.assumes else "this proof alone"
        title = f"{title} ({alone}: {percent(proof.probability)})"
        if explanation.claim.semantics == "bounds":
            title = f"Why {end_words(explanation, proof).lower()}"
        tree = Tree(_text(title))
        _grow(tree, branch, told)
        console.print(tree)


def _grow(tree: Tree, branch: Branch, told: set[str]) -> None:
    child = tree.add(_text(_line(branch, branch.node.id not in told)))
    told.add(branch.node.id)
    for below in branch.children[:WIDE]:
        _grow(child, below, told)
    if branch.opposite is not None:
        _grow_opposite(child, branch.opposite, told)
    if branch.children[WIDE:]:
        child.add(_text(f"… {plural(len(branch.children) - WIDE, 'further fact')}"))


def _grow_opposite(tree: Tree, branch: Branch, told: set[str]) -> None:
    """What speaks for the opposite of a fact held to be false, in full where it is met first."""
    title = f"Reasons for the opposite, {percent(branch.node.probability)}"
    if branch.node.id in told:
        tree.add(_text(f"{title}: {branch.node.label} – see above"))
    else:
        _grow(tree.add(_text(f"{title}:")), branch, told)


def _line(branch: Branch, details: bool) -> str:
    node = branch.node
    if branch.again:
        return f"{node.label} – see above"
    if branch.piece:
        return f"{node.label}, {chance(node)} – not spelled out, too deep"
    if branch.row:
        return f"… {plural(len(branch.row), 'step')} in a row like this one, down from {node.label}, to:"
    if branch.rule is not None or branch.reason:
        name = f" [{branch.rule.name}]" if branch.rule is not None else ""
        return f"{node.label}, {chance(node)}{name}\n{branch.reason}"
    return _leaf(node, details)


def _leaf(node: Node, details: bool) -> str:
    parts = [kind_words(node.kind)]
    if node.neural is not None:
        parts.append(
            f"{node.neural.network} says {node.neural.value}" if node.kind == "neural" else node.neural.network
        )
    if node.kind not in ("absent", "assumption"):
        parts.append(chance(node))
    if node.place:
        parts.append(node.place)
    text = f"{node.label} – {', '.join(parts)}"
    if node.neural is not None and details:
        for name, value, note in node.neural.inputs:
            text += f"\n  {name} = {value}" + (f" ({note})" if note else "")
        if node.neural.attribution is not None:
            text += _attributed(node.neural.attribution)
        if node.neural.runners_up and node.kind == "neural":
            rivals = ", ".join(f"{r.value} {percent(r.probability)}" for r in node.neural.runners_up)
            text += f"\n  otherwise: {rivals}"
    return text


def _attributed(attribution: Attribution) -> str:
    """What the network's word comes from, as further lines of a leaf."""
    parts = looked_at(attribution)
    if attribution.images:
        parts.append("its heat map is in the page")
    paths = "".join(f"\n    along {path}" for path in path_words(attribution))
    return f"\n  by its input, {compared(attribution)}:\n    {', '.join(parts) or 'nothing of it'}{paths}"


def _contributions(explanation: Explanation) -> Table:
    contributions, shares = explanation.contributions, explanation.shares
    sloped = any(c.gradient is not None for c in contributions)
    table = Table(box=None, pad_edge=False, header_style="", title=None)
    table.add_column(_text("What each adds"), overflow="fold", max_width=64)
    for name in ("kind", "points", "without it", *(["Shapley"] if shares else []), *(["gradient"] if sloped else [])):
        table.add_column(_text(name), justify="left" if name == "kind" else "right", no_wrap=True)
    for c in contributions:
        cells = ["rule" if c.kind == "rule" else "evidence", signed(c.difference), percent(c.without)]
        cells += [shared(c.shapley, c.shapley_error)] if shares else []
        cells += [shared(c.gradient)] if sloped else []
        table.add_row(_text(c.name), *cells)
    if shares is not None and shares.rest_leaves:
        cells = ["", "", "", shared(shares.rest, shares.rest_error), *([""] if sloped else [])]
        table.add_row(_text(rest_words(shares)), *cells)
    return table


def _provenance(explanation: Explanation) -> str:
    claim, p = explanation.claim, explanation.provenance
    seed = "" if p.seed is None else f", seed {p.seed}"
    return (
        f"neurosym {p.version}, {p.time}{seed}; {method_words(claim)} ({claim.semantics}, {claim.method}); "
        f"rules {p.rules_sha256[:12]}, facts {p.facts_sha256[:12]}, weights {p.weights_sha256[:12]}"
    )


def _text(text: str) -> Text:
    return Text(clean(text))
