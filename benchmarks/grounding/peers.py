"""The peers' side: clingo's grounder and duckdb's recursive query, one thread each."""

from __future__ import annotations

import gc
import time
from typing import Any

import numpy as np

from benchmarks.grounding.case import Case


def clingo(case: Case) -> dict[str, Any]:
    """`Control.ground`, its program and facts added as text before the clock starts; it simplifies as it grounds."""
    from clingo import Control

    control = Control(["--warn=none"])
    control.add("base", [], case.asp_text())
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    control.ground([("base", [])])
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu, "wall": wall, "derived": len(control.symbolic_atoms) - case.num_inputs}


def duckdb(case: Case) -> dict[str, Any]:
    """A recursive query into a new table, the facts being in tables before the clock starts."""
    from duckdb import connect

    connection = connect()
    connection.execute("set threads = 1")
    for (name, arity), rows in case.tables.items():
        columns = {f"a{k}": np.ascontiguousarray(rows[:, k]) for k in range(arity)}
        connection.register("columns", columns)
        connection.execute(f"create table {name} as select * from columns")
        connection.unregister("columns")
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    connection.execute(f"create table derived as {case.sql}")
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    (count,) = connection.execute("select count(*) from derived").fetchall()[0]
    return {"cpu": cpu, "wall": wall, "derived": count}
