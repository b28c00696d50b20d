"""Learning from images: accuracy over some seeds, time to train and to explain, beside the bounds and other libraries.

    python -m benchmarks.perception [--parts numbers,addition,hundred,peers,hwf,sudoku,shortcut,explain]
        [--seeds 0,1,2,3,4] [--data mnist|digits] [--peers PYTHON] [--again] [--quick]

Each run is a process of its own, on one thread. What was measured is kept in the folder of results: a series that was
interrupted goes on, and a run whose settings have changed is made again. `hundred` and `explain` take models of parts
before them. `peers` needs an interpreter that has deepproblog and LTNtorch; the README beside this file says how to
make one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.common.table import render
from benchmarks.perception.part import Options
from benchmarks.perception.parts import PARTS
from benchmarks.perception.series import named, results

HOME = Path(__file__).parent


def say(line: str) -> None:
    """Progress, which is no result."""
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.perception", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="separated by commas; default: all")
    parser.add_argument("--seeds", default="0,1,2,3,4", help="separated by commas")
    parser.add_argument("--data", choices=("mnist", "digits"), default="mnist")
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has deepproblog and LTNtorch")
    parser.add_argument("--again", action="store_true", help="measure what was measured before, too")
    parser.add_argument("--quick", action="store_true", help="one epoch, to see that everything works")
    parser.add_argument("--work", type=Path, default=Path("out/bench-perception"), help="folder of the models")
    parser.add_argument("--results", type=Path, help="folder of the results; default: beside this module")
    return parser


def main() -> int:
    """The command."""
    parser = _parser()
    options = parser.parse_args()
    names = options.parts.split(",")
    if unknown := [n for n in names if n not in PARTS]:
        parser.error(f"--parts takes {', '.join(PARTS)}, not {', '.join(unknown)}")
    quick = options.quick or options.data != "mnist"
    folder = options.results or (options.work / "results" if quick else HOME / "results")
    asked = Options([int(s) for s in options.seeds.split(",")], options.data, options.quick, options.peers)
    figures, failed = [], []
    for name in names:
        path, part = folder / f"{name}.json", PARTS[name]
        if options.again:
            path.unlink(missing_ok=True)
        words = f"python -m benchmarks.perception --parts {name} --seeds {options.seeds}"
        words += " --peers PYTHON" if part.run else ""
        found = results(part, asked, path, options.work, words, say)
        figures += part.figures(found)
        failed += [f"{named(r)}: {r['failed']}" for r in found if "failed" in r]
    print(f"learning from images, {options.data}, seeds {options.seeds}" + ", quick" * options.quick)
    print(render(figures, judged=not quick))
    print("\n".join(["failed runs:", *failed]) if failed else "no run failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
