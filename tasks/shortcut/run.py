"""Learn sums with digits misread, have the audit find it, and mend it by two means.

neurosym run shortcut [--kind half|evenodd] [--data digits|mnist|auto] [--means M,…] [--seeds N] [--out DIR] …
python -m tasks.shortcut.run …
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

import neurosym as ns
from tasks.common.begin import STUCK
from tasks.common.options import add_data, add_runs, add_settings, given, main, positive, seeds_of
from tasks.common.record import write
from tasks.shortcut.data import KINDS, load
from tasks.shortcut.means import MEANS, Result, Settings, measure

# Chosen on the sums of the validation part.
DEFAULTS = {"digits": Settings(30, 16, 2e-3), "mnist": Settings(6, 16, 1e-3)}
SETTABLE = {"epochs": positive, "batch": positive, "lr": float, "attempts": positive}
NOTES = {"attempts": "networks to try until one is not stuck"}
NAMES = {"none": "sums alone", "labels": "labels of digits", "product": "product as well"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="neurosym run shortcut", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be repeated; default: both")
    parser.add_argument("--means", choices=MEANS, action="append", help="may be repeated; default: all")
    add_data(parser)
    add_settings(parser, DEFAULTS, SETTABLE, NOTES)
    parser.add_argument("--pairs", type=positive, default=6_000, metavar="N", help="at most; default: 6000")
    add_runs(parser, "pairs, weights and order", "the audits of the first seed as HTML pages")
    return parser


def _print(results: Sequence[Result], name: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    columns = ("means", "seed", "sums", "concepts", "new pairs", "shortcuts", "failed")
    for kind in dict.fromkeys(r.kind for r in results):
        table = Table(*columns, title=f"shortcut, {kind}, {name}")
        for r in sorted((r for r in results if r.kind == kind), key=lambda r: MEANS.index(r.means)):
            count = f"{r.shortcuts:,}" if r.exact else f"about {r.shortcuts:,}"
            failed = f"{r.failed}, and this one" if r.stuck else str(r.failed)
            shares = (f"{share:.1%}" for share in (r.sums, r.concepts, r.new))
            table.add_row(NAMES[r.means], str(r.seed), *shares, count, failed)
        console.print(table)
    console.print(
        "sums, concepts: accuracy on test; new pairs: of sums of digits that training never saw together; shortcuts: "
        "wrong readings of the digits that fit all labels, counted by the audit; failed: networks with less than "
        f"{STUCK:.0%} of the validation sums right, begun anew\n"
    )


def _told(found: ns.Audit, result: Result) -> str:
    """What the audit says of the digits, in two lines."""
    assert found.shortcuts is not None
    (concept,) = found.concepts
    mixed = ", ".join(f"{a} as {b} ({n})" for a, b, n in concept.confused)
    example = ", ".join(f"{a} as {b}" for _, a, b in found.shortcuts.example)
    return (
        f"{result.kind}, {NAMES[result.means]}: the network reads {mixed or 'every digit as it is'}\n"
        f"  one reading that fits all labels: {example or 'the right one, and no other'}"
    )


def run(args: list[str]) -> int:
    """Train by each means, audit and judge; gives the exit status."""
    options = _parser().parse_args(args)
    results: list[Result] = []
    told: list[str] = []
    name, settings = "", DEFAULTS["mnist"]
    for kind in options.kind or KINDS:
        for seed in seeds_of(options):
            data = load(kind, options.data, seed, options.pairs)
            name = data.name
            settings = given(options, DEFAULTS[name], SETTABLE)
            for means in options.means or MEANS:
                _, found, result = measure(data, means, settings, seed, not options.quiet)
                results.append(result)
                if seed > options.seed:
                    continue
                told.append(_told(found, result))
                if options.out is not None:
                    options.out.mkdir(parents=True, exist_ok=True)
                    found.to_html(str(options.out / f"{kind}-{means}.html"), title=f"{kind}, {NAMES[means]}")
    _print(results, name)
    print("\n".join(told))
    if options.json is not None:
        about = asdict(settings) | {"data": name, "pairs": options.pairs}
        write(options.json, ["shortcut", *args], [asdict(r) for r in results], about)
    return 0


if __name__ == "__main__":
    main(run)
