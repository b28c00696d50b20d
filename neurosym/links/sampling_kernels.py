"""The compiled loop that draws edges without replacement."""

from __future__ import annotations

from neurosym.grounding.compiled import kernel

# ruff: noqa: D103 - what each loop does stands in a comment at its beginning


@kernel("void(int64[::1], int64[::1], int64[::1], float64[::1], int64[::1])")
def draw_edges(starts, degrees, sizes, draws, at):
    # For entity i, sizes[i] distinct positions of the degrees[i] from starts[i] on; all of them where they are as many.
    # Floyd's method (Bentley and Floyd, CACM 1987): as many draws as are wanted, however many there are to draw from.
    out, used = 0, 0
    for i in range(len(starts)):
        first, wanted, there = out, sizes[i], degrees[i]
        for k in range(wanted):
            if wanted == there:
                at[out] = starts[i] + k
            else:
                last = there - wanted + k
                chosen = starts[i] + int(draws[used] * (last + 1))
                used += 1
                for before in range(first, out):
                    if at[before] == chosen:
                        chosen = starts[i] + last
                        break
                at[out] = chosen
            out += 1
