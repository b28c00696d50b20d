"""Link prediction on public graphs, over some seeds: one table of figures beside their bounds.

    python -m benchmarks.links [--graphs umls,kinships] [--seeds 0,1,2] [--network paths|messages|paths,messages]
                               [--members K] [--masks] [--quick] [--work DIR] [--out FILE]
    python -m benchmarks.links --large [TRIPLES]

Each graph and seed is a process of its own, on one thread: rules are mined and weighed, prior and paths trained, then
all of them together; each stage is measured on the test by the protocol of `neurosym.links.evaluation`. A run that was
interrupted goes on from its checkpoints in the work folder. `--masks` measures instead what it matters which edges
of the graph a training query may not see. `--large` measures instead what a random graph of ten million triples needs:
read, mined, asked by rules and by paths. Data are found through NEUROSYM_DATA; `neurosym data get NAME` fetches them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.common.figures import Figure, environment
from benchmarks.common.process import JobError, run
from benchmarks.common.table import render
from neurosym.links.saving import NETWORKS
from tasks.common.options import positive
from tasks.links.graphs import SETTINGS

# graph → MRR of rules alone and of the whole model, at least
BOUNDS = {
    "umls": (0.950, 0.965), "kinships": (0.720, 0.780), "family": (0.975, 0.990), "wn18rr": (0.480, 0.545),
    "fb15k-237": (0.330, 0.390), "wn18rr-v1-ind": (0.690, 0.745), "fb237-v1-ind": (0.340, 0.480),
}  # fmt: skip
LEARN, LEARN_LARGE = 120.0, 600.0  # CPU seconds to learn rules, at most
APPLY = {"umls": 13.0, "wn18rr": 97.0}  # CPU seconds that AnyBURL and PyClause take to rank the test
LARGEST = 8.0  # GB for ten million triples, at most
RULES = "rules"
HOURS = 12
MASKS = ("own", "pair", "none")
PACKAGES = ("numpy", "torch", "numba", "scipy")


def say(line: str) -> None:
    """Progress, which is no result."""
    print(line, file=sys.stderr, flush=True)


def measured(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each job gave; a failed one says why."""
    found = []
    for job in jobs:
        try:
            result = job | run("benchmarks.links.worker", job, seconds=3600 * HOURS)
        except JobError as error:
            result = job | {"failed": str(error)}
        say(f"{job['graph']}, seed {job['seed']}, {job['mask'] or 'as in the recipe'}: {_short(result)}")
        found.append(result)
    return found


def _short(result: dict[str, Any]) -> str:
    if "failed" in result:
        return result["failed"]
    return ", ".join(f"{v['parts']} {v['mrr']:.4f}" for v in result["variants"])


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4f}{deviation}"


def figures(graph: str, results: Sequence[dict[str, Any]]) -> list[Figure]:
    """The lines of one graph."""
    good = [r for r in results if "failed" not in r]
    if not good:
        return [Figure(graph, None, note=results[0]["failed"] if results else "no run")]
    found = []
    for parts in dict.fromkeys(v["parts"] for v in good[0]["variants"]):
        of = [v for r in good for v in r["variants"] if v["parts"] == parts]
        whole = parts == " + ".join(good[0]["parts"])
        bound = BOUNDS[graph][0] if parts == RULES else BOUNDS[graph][1] if whole else None
        between = f"{_mean(of, 'mrr_pessimistic'):.4f} to {_mean(of, 'mrr_optimistic'):.4f} by ties"
        found.append(
            Figure(
                f"{graph}: {parts}, MRR", _mean(of, "mrr"), "", spread([v["mrr"] for v in of]), between, bound, True,
                f"hits@1 {_mean(of, 'hits@1'):.3f}, hits@10 {_mean(of, 'hits@10'):.3f}; {len(of)} seeds",
            )
        )  # fmt: skip
        learn, apply = _mean(of, "cpu_seconds_learn"), _mean(of, "cpu_seconds_apply")
        limit = LEARN_LARGE if graph == "fb15k-237" else LEARN
        found.append(Figure(f"{graph}: {parts}, CPU s to learn", learn, "s", bound=limit if parts == RULES else None))
        if parts == RULES:
            found.append(Figure(f"{graph}: {parts}, CPU s to rank the test", apply, "s", bound=APPLY.get(graph)))
    for part in good[0]["explained"]:
        share = statistics.fmean(r["explained"][part]["share"] for r in good)
        first = statistics.fmean(r["explained"][part]["first"] for r in good)
        note = f"of the score of answers that come first; alone it ranks {first:.0%} of them first"
        found.append(Figure(f"{graph}: share of {part}", share, "", note=note))
    error = statistics.fmean(r["reliability"]["error"] for r in good)
    found.append(Figure(f"{graph}: calibration error", error, "", note="where 0.01 or more is said"))
    return found


def large(triples: int, work: Path, quick: bool) -> tuple[list[Figure], list[dict[str, Any]]]:
    """What a graph of many triples needs."""
    job = {"triples": triples, "seconds": 2 if quick else 60, "work": str(work)}
    result = job | run("benchmarks.links.large", job, seconds=3600)
    name = f"{result['triples']:,} triples"
    found = [
        Figure(f"{name}: peak of memory", result["peak"] / 1e9, "GB", bound=LARGEST, note=f"{result['rules']} rules")
    ]
    found += [Figure(f"{name}: CPU s to {step}", seconds, "s") for step, seconds in result["seconds"].items()]
    return found, [result]


def _mean(rows: Sequence[dict[str, Any]], what: str) -> float:
    return statistics.fmean(row[what] for row in rows)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--graphs", default=",".join(SETTINGS), help="separated by commas")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--network",
        choices=(*NETWORKS, ",".join(NETWORKS)),
        default="paths",
        help="monotone, with weights of any sign, or both",
    )
    parser.add_argument("--members", type=positive, help="networks whose mean is taken, instead of the settings'")
    parser.add_argument("--masks", action="store_true", help="what a training query may not see, and its effect")
    parser.add_argument("--large", type=int, nargs="?", const=10_000_000, help="triples of a random graph instead")
    parser.add_argument("--quick", action="store_true", help="one epoch, to see that everything works")
    parser.add_argument("--work", type=Path, default=Path("out/bench-links"), help="folder of the checkpoints")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures and all measurements")
    options = parser.parse_args()
    if options.large:
        figures_of, raw_of = large(options.large, options.work, options.quick)
        return told("a large random graph", figures_of, raw_of, options)
    graphs, seeds = options.graphs.split(","), [int(s) for s in options.seeds.split(",")]
    if unknown := set(graphs) - set(SETTINGS):
        parser.error(f"--graphs takes {', '.join(SETTINGS)}, not {', '.join(sorted(unknown))}")
    masks = MASKS if options.masks else (None,)
    base = {"quick": options.quick, "work": str(options.work), "members": options.members}
    base["parts"] = ["rules", "prior", *options.network.split(",")]
    found: list[Figure] = []
    raw: list[dict[str, Any]] = []
    for graph in graphs:
        for mask in masks:
            results = measured([base | {"graph": graph, "seed": s, "mask": mask} for s in seeds])
            raw += results
            if mask is None:
                found += figures(graph, results)
                continue
            good = [r["variants"][-1] for r in results if "failed" not in r]
            name = f"{graph}: prior + {options.network.replace(',', ' + ')}, mask `{mask}`, MRR"
            found.append(Figure(name, _mean(good, "mrr") if good else None, note=f"{len(good)} seeds"))
    return told(f"link prediction, seeds {options.seeds}", found, raw, options)


def told(title: str, found: list[Figure], raw: list[dict[str, Any]], options: argparse.Namespace) -> int:
    """Print the table, and write the file that was asked for."""
    print(title + ", quick" * options.quick)
    print(render(found, judged=not options.quick))
    if options.out:
        shown = [asdict(figure) | {"verdict": figure.verdict} for figure in found]
        measured = [{name: value for name, value in row.items() if name != "work"} for row in raw]
        about = {"command": _command(options), "environment": environment(PACKAGES), "quick": options.quick}
        content = about | {"figures": shown, "measured": measured}
        options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def _command(options: argparse.Namespace) -> str:
    """What makes these figures, without folders."""
    words = ["python -m benchmarks.links"]
    if options.large:
        words.append(f"--large {options.large}")
    else:
        words.append(f"--graphs {options.graphs} --seeds {options.seeds} --network {options.network}")
        words += [f"--members {options.members}"] * (options.members is not None)
    return " ".join([*words, *(["--masks"] if options.masks else []), *(["--quick"] if options.quick else [])])


if __name__ == "__main__":
    sys.exit(main())
