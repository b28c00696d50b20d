"""`learn-rules`: rules that a graph suggests, as a file that an expert reads, edits and gives back."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosym.cli import output
from neurosym.cli.session import ANSWERED, Session
from neurosym.errors import DataError

if TYPE_CHECKING:
    from neurosym.links.graph import TripleGraph

TABLES = (".tsv", ".txt")
SHOWN = 8  # relations that an error names


def learn_rules_command(
    session: Session,
    graph: Annotated[
        list[str],
        typer.Argument(metavar="GRAPH…", help="RDF files, or files of head, relation and tail, tab-separated."),
    ],
    out: Annotated[
        str,
        typer.Option("--out", metavar="FILE", help="The rule file; edits in one that is there are kept."),
    ] = "mined.rules",
    target: Annotated[
        list[str] | None, typer.Option("--target", metavar="R", help="A relation that gets rules; all by default.")
    ] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.1, metavar="S", help="Processor time for the search.")
    ] = 60.0,
    length: Annotated[int, typer.Option("--length", min=1, max=3, metavar="N", help="Edges of the longest paths.")] = 3,
    support: Annotated[
        int, typer.Option("--support", min=1, metavar="N", help="Cases that a rule must get right at least.")
    ] = 2,
    confidence: Annotated[
        float, typer.Option("--confidence", min=0.0, max=1.0, metavar="P", help="The least confidence.")
    ] = 0.1,
    most: Annotated[int, typer.Option("--most", min=1, metavar="N", help="Rules written, the best ones.")] = 1000,
    counterexamples: Annotated[
        int, typer.Option("--counterexamples", min=0, metavar="N", help="Shown for each rule.")
    ] = 3,
) -> int:
    """Learn rules from a graph, with counts and counterexamples, into a rule file."""
    import numpy as np

    found = _read(session, graph)
    targets = None if not target else [_relation(found, name) for name in target]

    from neurosym.links.rules import Mining, mine, revise, write_rules

    options = Mining(max_length=length, min_support=support, min_confidence=confidence)
    with output.progress("learning", 100, session.settings.quiet) as step:
        done = 0

        def told(used: float, _: int) -> None:
            nonlocal done
            now = min(100, int(100 * used / seconds))
            for _ in range(now - done):
                step()
            done = max(done, now)

        rules = mine(found, targets, seconds, session.settings.seed, options, told)
    path = Path(out)
    if path.is_file():
        rules = revise(rules, found, path)
    kept = rules.take(np.arange(min(most, len(rules))))
    write_rules(kept, found, path, counterexamples)
    output.show(f"{out}: {len(kept):,} of {len(rules):,} rules, learned from {len(found.triples):,} triples")
    if len(kept) == 0:
        session.tell("note: no rule is right often enough; lower --support or --confidence, or give more time")
    return ANSWERED


def _read(session: Session, paths: list[str]) -> TripleGraph:
    """The triples of all files."""
    import numpy as np

    from neurosym.links.graph import TripleGraph
    from neurosym.links.reading import Numbering, distinct, from_facts, read_tsv

    tables = [p for p in paths if Path(p).suffix.lower() in TABLES]
    if not tables:
        from neurosym.facts import FactBase

        graph, check = from_facts(FactBase.from_rdf(*paths))
        for note in check.notes:
            session.tell(f"note: {note}")
    elif len(tables) < len(paths):
        raise DataError(
            "RDF and tab-separated triples name their entities differently", code="NS936", help="give one kind of files"
        )
    else:
        entities, relations = Numbering(), Numbering()
        triples = distinct(np.concatenate([read_tsv(p, entities, relations) for p in tables]))
        graph = TripleGraph(entities.names, relations.names, triples)
    if not len(graph.triples):
        raise DataError("there are no triples to learn from", code="NS932")
    return graph


def _relation(graph: TripleGraph, name: str) -> int:
    """The number of a relation."""
    plain = name[1:-1] if name.startswith("<") else name
    if plain in graph.relation_ids:
        return graph.relation_ids[plain]
    local = [k for k, relation in enumerate(graph.relations) if re.split(r"[#/:]", relation)[-1] == plain]
    if len(local) == 1:  # an IRI by what stands after its last # or /
        return local[0]
    near = [graph.relations[k] for k in local] or get_close_matches(plain, graph.relations, 1)
    raise DataError(
        f"the graph has no relation `{plain}`", code="NS934",
        note=f"it has {len(graph.relations)}: {', '.join(graph.relations[:SHOWN])}"
        + (" …" if len(graph.relations) > SHOWN else ""),
        help=f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else "",
    )  # fmt: skip
