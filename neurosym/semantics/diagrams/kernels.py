"""Inner loops of multi-valued decision diagrams, compiled by numba: see `compile`.

A node is a place in `cells`: there stands the level of the variable that it decides, and behind it one node for each of
the variable's outcomes. The terminals 0 (false) and 1 (true) have the level behind the last variable. `table` finds
nodes by a hash of their cells, 0 where free; `results` holds pairs of an operation on two nodes and its result, of
which some are overwritten.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel

AND, OR, WITHOUT = 0, 1, 2
CYCLE, LINEAR = 1, 2
NOWHERE = -(1 << 62)  # no literal
USED, NODES = 0, 1  # of `counts`: cells in use, and nodes
POSITION, STEPS, BEFORE = 0, 1, 2  # of `state`: the fact to go on with, operations so far, and those before that fact


@njit(inline="always")
def _hash(level, row, start, count):
    """A hash of a node."""
    value = np.uint64(level) * np.uint64(0x9E3779B97F4A7C15)
    for k in range(start, start + count):
        value ^= np.uint64(row[k]) + np.uint64(0x9E3779B97F4A7C15) + (value << np.uint64(6)) + (value >> np.uint64(2))
        value *= np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
    return np.int64(value >> np.uint64(1))


@njit(inline="always")
def _key(operation, f, g):
    return np.uint64(f) << np.uint64(33) | np.uint64(g) << np.uint64(2) | np.uint64(operation + 1)


@njit(inline="always")
def _place(key, mask):
    spread = key * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((spread ^ spread >> np.uint64(32)) >> np.uint64(1)) & mask


@kernel("int64(int64, int64, int32[::1], int64, int64[::1], int32[::1], int32[::1])")
def make(level, arity, row, start, counts, cells, table):
    """The node of a level with children `row[start : start + arity]`; -1 where there is no room."""
    same = True
    for k in range(start + 1, start + arity):
        same &= row[k] == row[start]
    if same:
        return row[start]
    mask = len(table) - 1
    at = _hash(level, row, start, arity) & mask
    while table[at]:
        node = table[at]
        if cells[node] == level:
            equal = True
            for k in range(arity):
                if cells[node + 1 + k] != row[start + k]:
                    equal = False
                    break
            if equal:
                return node
        at = (at + 1) & mask
    node = counts[USED]
    if node + 1 + arity > len(cells) or 2 * counts[NODES] >= len(table):
        return -1
    cells[node] = level
    for k in range(arity):
        cells[node + 1 + k] = row[start + k]
    table[at] = node
    counts[USED] = node + 1 + arity
    counts[NODES] += 1
    return node


@kernel("void(int64[::1], int64[::1], int32[::1], int32[::1])")
def enter(counts, arity, cells, table):
    """Put all nodes into a table that has grown."""
    mask = len(table) - 1
    node = 2
    while node < counts[USED]:
        level = cells[node]
        at = _hash(level, cells, node + 1, arity[level]) & mask
        while table[at]:
            at = (at + 1) & mask
        table[at] = node
        node += 1 + arity[level]


@kernel("void(uint64[:,::1], uint64[:,::1])")
def carry(old, new):
    """Keep the results of a smaller table."""
    mask = len(new) - 1
    for k in range(len(old)):
        if old[k, 0]:
            at = _place(old[k, 0], mask)
            new[at, 0], new[at, 1] = old[k, 0], old[k, 1]


@njit(inline="always")
def _simple(operation, f, g):
    """The result where it can be told at once, else -1."""
    if operation == AND:
        if f == 0 or g == 0:
            return 0
        if f == 1 or f == g:
            return g
        return f if g == 1 else -1
    if operation == OR:
        if f == 1 or g == 1:
            return 1
        if f == 0 or f == g:
            return g
        return f if g == 0 else -1
    if f == 0 or g == 1 or f == g:
        return 0
    return f if g == 0 else -1


@kernel(
    "int64(int64, int64, int64, int64[::1], int64[::1], int32[::1], int32[::1], uint64[:,::1], int64[:,::1], "
    "int32[::1])"
)
def apply(operation, f, g, arity, counts, cells, table, results, stack, values):
    """`f and g`, `f or g`, or `f and not g`; -1 where there is no room for it.

    Args:
        arity: (V + 1,) children of a level's nodes, 0 for the terminals'.
        stack: (V + 2, 4) and values: room for what is under way.
    """
    result = _simple(operation, f, g)
    if result >= 0:
        return result
    mask = len(results) - 1
    have, top = 0, 0
    stack[0, 0], stack[0, 1], stack[0, 2] = f, g, -1
    while top >= 0:
        a, b = stack[top, 0], stack[top, 1]
        if stack[top, 2] < 0:  # first look
            if operation != WITHOUT and a > b:
                a, b = b, a
                stack[top, 0], stack[top, 1] = a, b
            key = _key(operation, a, b)
            at = _place(key, mask)
            stack[top, 3] = at
            if results[at, 0] == key:
                values[have] = results[at, 1]
                have += 1
                top -= 1
                continue
            stack[top, 2] = 0
        level = min(cells[a], cells[b])
        if stack[top, 2] == arity[level]:
            have -= arity[level]
            node = make(level, arity[level], values, have, counts, cells, table)
            if node < 0:
                return -1
            at = stack[top, 3]
            results[at, 0], results[at, 1] = _key(operation, a, b), node
            values[have] = node
            have += 1
            top -= 1
            continue
        k = stack[top, 2]
        stack[top, 2] = k + 1
        x = cells[a + 1 + k] if cells[a] == level else a
        y = cells[b + 1 + k] if cells[b] == level else b
        result = _simple(operation, x, y)
        if result >= 0:
            values[have] = result
            have += 1
        else:
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2] = x, y, -1
    return values[0]


@njit(inline="always")
def _do(operation, f, g, store, state):
    """An operation of which one operand may be -1 already."""
    if f < 0 or g < 0:
        return -1
    state[STEPS] += 1
    arity, counts, cells, table, results, stack, values = store
    return apply(operation, f, g, arity, counts, cells, table, results, stack, values)


@njit(cache=True, nogil=True)
def _conjunction(b, inside, shape, level, formulas, row, store, state):
    """A body, without its literal `inside`; -1 where there is no room."""
    choice_start, choices, flag_start, flags, literal_start, literals = shape
    arity, counts, cells, table = store[0], store[1], store[2], store[3]
    term = np.int64(1)
    for at in range(choice_start[b], choice_start[b + 1]):
        place = level[choices[at]]
        for k in range(arity[place]):
            row[k] = flags[flag_start[at] + k]
        term = _do(AND, term, make(place, arity[place], row, 0, counts, cells, table), store, state)
    for at in range(literal_start[b], literal_start[b + 1]):
        x = literals[at]
        if x == inside or term == 0:
            continue
        term = _do(AND, term, formulas[x], store, state) if x >= 0 else _do(WITHOUT, term, formulas[~x], store, state)
    return term


@njit(cache=True, nogil=True)
def _iterate(first, last, cyclic, body_start, shape, level, formulas, row, store, state):
    """Iterate the formulas of some facts from false to their fixpoint (Vlasselaer et al., IJCAI 2015).

    Equal formulas are one node, so that equality ends it. After the first round only bodies are looked at that speak of
    what grew: a cycle has no negation in it, so that what a body gave before it gives again.
    """
    literal_start, literals = shape[4], shape[5]
    before, now = np.zeros(last - first, np.bool_), np.zeros(last - first, np.bool_)
    whole, again = True, True
    while again:
        again = False
        for fact in range(first, last):
            formula = formulas[fact]
            for b in range(body_start[fact], body_start[fact + 1]):
                new = whole
                for at in range(literal_start[b], literal_start[b + 1]):
                    x = literals[at]
                    new |= x >= first and x < last and (before[x - first] or now[x - first])
                if new:
                    term = _conjunction(b, NOWHERE, shape, level, formulas, row, store, state)
                    formula = _do(OR, formula, term, store, state)
                    if formula < 0:
                        return False
            if formula != formulas[fact]:
                formulas[fact] = formula
                now[fact - first] = again = True
        before, now = now, before
        now[:] = False
        whole = False
        again &= cyclic
    return True


@njit(cache=True, nogil=True)
def _eliminate(first, last, needed, body_start, shape, level, formulas, row, store, state):
    """Solve a cycle whose bodies need one fact of it at most: x = b or (a and y) or ..., one unknown after the other.

    The unknown with the fewest ways through it goes first (Markowitz, Management Science 1957), but those that are
    needed elsewhere last. What is known so far speaks of little: of the choices on the ways through what has gone.
    """
    literal_start, literals = shape[4], shape[5]
    m = last - first
    way, free = np.zeros((m, m), np.int64), np.zeros(m, np.int64)  # x_i = free_i or (way_ij and x_j) or ...
    for i in range(m):
        for b in range(body_start[first + i], body_start[first + i + 1]):
            inside = NOWHERE
            for at in range(literal_start[b], literal_start[b + 1]):
                if literals[at] >= first and literals[at] < last:
                    inside = literals[at]
            term = _conjunction(b, inside, shape, level, formulas, row, store, state)
            if inside == NOWHERE:
                free[i] = made = _do(OR, free[i], term, store, state)
            else:
                way[i, inside - first] = made = _do(OR, way[i, inside - first], term, store, state)
            if made < 0:
                return False
    for i in range(m):
        way[i, i] = 0
    gone = np.zeros(m, np.bool_)
    order = np.empty(m, np.int64)
    for step in range(m):
        best, least = -1, np.int64(0)
        for k in range(m):
            if gone[k]:
                continue
            into, out = 0, 0
            for j in range(m):
                if not gone[j]:
                    into += way[j, k] != 0
                    out += way[k, j] != 0
            cost = into * out + (m * m if needed[first + k] else 0)
            if best < 0 or cost < least:
                best, least = k, cost
        order[step], gone[best] = best, True
        for j in range(m):
            if gone[j] or way[j, best] == 0:
                continue
            free[j] = _do(OR, free[j], _do(AND, way[j, best], free[best], store, state), store, state)
            if free[j] < 0:
                return False
            for k in range(m):
                if not gone[k] and k != j and way[best, k] != 0:
                    way[j, k] = _do(OR, way[j, k], _do(AND, way[j, best], way[best, k], store, state), store, state)
                    if way[j, k] < 0:
                        return False
    gone[:] = False
    for step in range(m - 1, -1, -1):
        i = order[step]
        if not needed[first + i]:
            break
        formula = free[i]
        for j in range(m):
            if gone[j] and way[i, j] != 0:
                formula = _do(OR, formula, _do(AND, way[i, j], formulas[first + j], store, state), store, state)
        if formula < 0:
            return False
        formulas[first + i], gone[i] = formula, True
    return True


@kernel(
    "boolean(int64[::1], int64[::1], uint8[::1], boolean[::1], int64[::1], int64[::1], int64[::1], boolean[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int32[::1], "
    "uint64[:,::1], int64[:,::1], int32[::1], int32[::1])"
)
def compile_facts(
    body_start, component, cyclic, needed, choice_start, choices, flag_start, flags, literal_start, literals,
    level, formulas, state, arity, counts, cells, table, results, stack, values, row,
):  # fmt: skip
    """Compile facts bottom up from `state[POSITION]` on; whether there was room for all of them.

    The cycle that was under way when there was no room is begun again, with the results so far.

    Args:
        cyclic: (F,) 0, `CYCLE`, or `LINEAR` of a cycle none of whose bodies needs two of its facts.
        needed: (F,) facts that are needed outside their component.
        flags: of each allowed set of outcomes a flag for each outcome of its choice, from `flag_start` on.
        level: of each choice its place in the order; formulas: (F,) filled in.
    """
    count = len(component)
    shape = (choice_start, choices, flag_start, flags, literal_start, literals)
    store = (arity, counts, cells, table, results, stack, values)
    first = state[POSITION]
    while first < count:
        last = first + 1
        while last < count and component[last] == component[first]:
            last += 1
        state[STEPS] = state[BEFORE]
        if cyclic[first] == LINEAR:
            done = _eliminate(first, last, needed, body_start, shape, level, formulas, row, store, state)
        else:
            done = _iterate(first, last, cyclic[first] != 0, body_start, shape, level, formulas, row, store, state)
        if not done:
            return False
        first = last
        state[POSITION], state[BEFORE] = first, state[STEPS]
    return True


@kernel("int64(int64[::1], int64[::1], int32[::1], uint8[::1], int64[::1])")
def below(roots, arity, cells, seen, found):
    """The nodes that roots lead to, without terminals, children first; how many.

    Args:
        seen: as long as the cells in use, zeros; found: (nodes,) filled in.
    """
    for root in roots:
        seen[root] = 1
    total = 0
    for node in range(len(seen) - 1, 1, -1):  # a node is made after its children
        if seen[node]:
            found[total] = node
            total += 1
            for k in range(arity[cells[node]]):
                seen[cells[node + 1 + k]] = 1
    for k in range(total // 2):
        found[k], found[total - 1 - k] = found[total - 1 - k], found[k]
    return total


@kernel("Tuple((int64[::1], int64[::1], int64[::1], int64[::1]))(int64[::1], int64[::1], int64[::1], int32[::1])")
def numbered(nodes, roots, arity, cells):
    """Some nodes, in rising order and with all that they lead to, as columns in numbers of their own.

    Returns:
        `level`, `start`, `child` and `roots` of `Diagram`.
    """
    level, start = np.empty(len(nodes), np.int64), np.zeros(len(nodes) + 1, np.int64)
    for k in range(len(nodes)):
        level[k] = cells[nodes[k]]
        start[k + 1] = start[k] + arity[level[k]]
    child, asked = np.empty(start[-1], np.int64), np.empty(len(roots), np.int64)
    for k in range(len(nodes)):
        for branch in range(arity[level[k]]):
            other = cells[nodes[k] + 1 + branch]
            child[start[k] + branch] = other if other <= 1 else 2 + np.searchsorted(nodes, other)
    for k in range(len(roots)):
        asked[k] = roots[k] if roots[k] <= 1 else 2 + np.searchsorted(nodes, roots[k])
    return level, start, child, asked
