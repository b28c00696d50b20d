"""The proof that sums and products are right, compiled by numba: see `proof`."""

from __future__ import annotations

import numpy as np
from numba import njit

from neurosym.grounding.compiled import kernel
from neurosym.grounding.search import lower_bound
from neurosym.semantics.exact.row_kernels import arrange, arrange_rows, longer, ranked, set_row, taller

OUTCOMES, LITERAL, TRUE, FALSE = 1, 2, 3, 4
NOTHING, ADD, NOISY_OR, COMPILE = 0, 1, 2, 3

# the position of a lone bit in a word, by de Bruijn's sequence
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_POSITION = np.zeros(64, np.int64)
for _bit in range(64):
    _POSITION[(((1 << _bit) * 0x03F79D71B4CB0A89) & (2**64 - 1)) >> 58] = _bit


@njit(inline="always")
def _fact(literal):
    return ~literal if literal < 0 else literal


@kernel("int64(int64[::1], int64)")
def _root(parent, x):
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@kernel("int64(int64, int64, int64[::1], int64[::1], int64[::1], uint64[:,::1])")
def _telling(x, y, begin, end, keys, sets):
    """The first key of which two bodies need different things, or -1."""
    at, other = begin[x], begin[y]
    while at < end[x] and other < end[y]:
        if keys[at] < keys[other]:
            at += 1
        elif keys[at] > keys[other]:
            other += 1
        else:
            apart = True
            for w in range(sets.shape[1]):
                apart &= sets[at, w] & sets[other, w] == 0
            if apart:
                return keys[at]
            at, other = at + 1, other + 1
    return -1


@kernel("void(int64[::1], int64)")
def _note(split, key):
    """Remember a key that told bodies apart, where there is room."""
    for k in range(len(split)):
        if split[k] == key:
            return
        if split[k] < 0:
            split[k] = key
            return


@kernel(
    "boolean(int64[::1], int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], uint64[:,::1], int64[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1])"
)
def _exclusive(order, first, last, tag, begin, end, keys, sets, parent, where, low, scratch, split):
    """Whether a decision tree tells apart the bodies order[first:last] of different tags.

    A part is split by a key that all its bodies have, into the connected components of overlapping sets. Which key
    comes first does not matter: what one key tells apart, another one may only tell apart later.
    """
    words = sets.shape[1]
    lows, highs = [first], [last]
    while len(lows):
        lo, hi = lows.pop(), highs.pop()
        pivot, one = order[lo], True
        for k in range(lo, hi):
            body = order[k]
            one &= tag[body] == tag[order[lo]]
            if end[body] - begin[body] < end[pivot] - begin[pivot]:
                pivot = body
        if one:
            continue
        if hi - lo == 2:
            key = _telling(order[lo], order[lo + 1], begin, end, keys, sets)
            if key < 0:
                return False
            _note(split, key)
            continue
        divided = False
        for entry in range(begin[pivot], end[pivot]):
            key, everywhere = keys[entry], True
            for k in range(lo, hi):
                body = order[k]
                at = lower_bound(keys, begin[body], end[body], key)
                if at == end[body] or keys[at] != key:
                    everywhere = False
                    break
                where[k] = at
            if not everywhere:
                continue
            for bit in range(64 * words):
                parent[bit] = bit
            for k in range(lo, hi):
                joined = -1
                for w in range(words):
                    word = sets[where[k], w]
                    while word:
                        lone = word & (~word + np.uint64(1))
                        bit = w * 64 + _POSITION[np.int64((lone * _SEQUENCE) >> np.uint64(58))]
                        word ^= lone
                        if joined < 0:
                            joined = bit
                            low[k] = bit
                        else:
                            parent[_root(parent, bit)] = _root(parent, joined)
            parts = 0
            for k in range(lo, hi):
                low[k] = _root(parent, low[k])
                parts += low[k] != low[lo]
            if not parts:
                continue
            count = hi - lo
            ranks = ranked(low, lo, hi)
            for k in range(count):
                scratch[k] = order[lo + ranks[k]]
                where[lo + k] = low[lo + ranks[k]]
            start = 0
            for k in range(count):
                order[lo + k] = scratch[k]
                if k + 1 == count or where[lo + k + 1] != where[lo + k]:
                    if k > start:
                        lows.append(lo + start)
                        highs.append(lo + k + 1)
                    start = k + 1
            _note(split, key)
            divided = True
            break
        if not divided:
            return False
    return True


@kernel("Tuple((int64, boolean))(int64[::1], int64[::1], int64[::1], int64, int64[::1], int64)")
def _union(lo, hi, item, count, parent, cap):
    """Unite intervals in place, joining in `parent` the items that overlap.

    Returns:
        The number of intervals, and whether two items overlap. More than `cap` are made fewer by closing gaps: supports
        may grow, so that a proof fails, but never a wrong one succeeds.
    """
    if count > 24:
        ranks = ranked(lo, 0, count)
        arrange(lo, 0, ranks)
        arrange(hi, 0, ranks)
        arrange(item, 0, ranks)
    else:
        for k in range(1, count):
            a, b, c, at = lo[k], hi[k], item[k], k
            while at > 0 and lo[at - 1] > a:
                lo[at], hi[at], item[at] = lo[at - 1], hi[at - 1], item[at - 1]
                at -= 1
            lo[at], hi[at], item[at] = a, b, c
    overlap, out, furthest = False, 0, -1  # furthest: the item that reaches the end of the interval at hand
    for k in range(count):
        if out and lo[k] <= hi[out - 1]:
            if item[k] != furthest:
                overlap = True
                parent[_root(parent, item[k])] = _root(parent, furthest)
            if hi[k] > hi[out - 1]:
                hi[out - 1] = hi[k]
                furthest = item[k]
        elif out and lo[k] == hi[out - 1] + 1:
            hi[out - 1] = hi[k]
            furthest = item[k]
        else:
            lo[out], hi[out] = lo[k], hi[k]
            furthest = item[k]
            out += 1
    gap = 1
    while out > cap:
        gap *= 2
        kept = 0
        for k in range(1, out):
            if lo[k] - hi[kept] <= gap:
                hi[kept] = hi[k]
            else:
                kept += 1
                lo[kept], hi[kept] = lo[k], hi[k]
        out = kept + 1
    return out, overlap


@kernel(
    "Tuple((int64, int64[::1], uint64[:,::1]))(int64, int64[::1], int64[::1], int64[::1], uint64[:,::1], int64[::1], "
    "uint64[:,::1], boolean[::1], int64[::1], int64, int64, int64[::1], uint64[:,::1])"
)
def _failing(x, starts, choice_start, choices, masks, literal_start, full, dead, slot, limit, size, keys, sets):
    """Add what a fact's failing needs: that each of its bodies fails that is a set of outcomes alone."""
    for b in range(starts[x], starts[x + 1]):
        if dead[b] or literal_start[b + 1] > literal_start[b] or choice_start[b + 1] - choice_start[b] != 1:
            continue
        at = choice_start[b]
        key = choices[at]
        to = slot[key]
        if to < 0:
            if size >= limit:
                continue
            if size == len(keys):
                keys, sets = longer(keys, size + 1), taller(sets, size + 1)
            to = slot[key] = size
            keys[to] = key
            set_row(sets, to, full, key)
            size += 1
        for w in range(sets.shape[1]):
            sets[to, w] &= ~masks[at, w]
    return size, keys, sets


@kernel(
    "Tuple((boolean, int64[::1], int64[::1], int64[::1], int64[::1]))("
    "int64[::1], boolean[::1], uint8[::1], int64[::1], uint64[:,::1], uint64[:,::1], "
    "int64[::1], int64[::1], int64[::1], uint64[:,::1], int64[::1], int64[::1], "
    "int64[::1], int64[::1], int64[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], "
    "int64, int64, uint8[::1], int64[::1], boolean[::1], boolean[::1], boolean[::1], int64[:,::1])"
)
def prove(
    component, cyclic, state, alias, alias_mask, full,
    starts, choice_start, choices, masks, literal_start, literals,
    origin, raw_start, raw,
    member_start, member_group, member_value, group_start, group_members, last_start, last_groups, active,
    cap, cap_support, how, cluster, dead, crossed, dropped, split,
):  # fmt: skip
    """One pass over the facts, bottom up, under the assumption that the active groups are choices.

    Returns:
        Whether a group was given up that had been relied on; then another pass is needed. And the supports of the
        facts, as sorted intervals of choices: offsets, ends, first and last choices.
    """
    n, words, bodies = len(state), full.shape[1], len(choice_start) - 1
    count_choices, count_groups = len(full), len(active)
    bits = 64 * words
    relied = np.zeros(count_groups, np.bool_)
    again = False
    # signatures: of bodies, and of facts (at bodies + fact)
    begin, end = np.zeros(bodies + n, np.int64), np.zeros(bodies + n, np.int64)
    keys, sets, size = np.empty(1024, np.int64), np.empty((1024, words), np.uint64), 0
    slot = np.full(count_choices + count_groups, -1, np.int64)
    own, head = np.arange(bodies + n), np.empty(bodies + n, np.int64)
    # supports
    support_start, support_end = np.zeros(n, np.int64), np.zeros(n, np.int64)
    firsts, lasts, held = np.empty(1024, np.int64), np.empty(1024, np.int64), 0
    lo, hi, item = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    all_lo, all_hi, all_item = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    widest = 1
    for b in range(bodies):
        widest = max(widest, choice_start[b + 1] - choice_start[b] + literal_start[b + 1] - literal_start[b])
    for i in range(n):
        widest = max(widest, starts[i + 1] - starts[i])
    parent = np.empty(max(widest, bits), np.int64)
    order, where, low, scratch = (
        np.empty(bodies + n, np.int64), np.empty(bodies + n, np.int64), np.empty(bodies + n, np.int64),
        np.empty(bodies + n, np.int64),
    )  # fmt: skip
    nowhere = np.empty(0, np.int64)
    one = np.empty(words, np.uint64)
    for i in range(n):
        for k in range(split.shape[1]):
            split[i, k] = -1
        head[bodies + i] = i
        kind = state[i]
        # ------------------------------------------------------------------ what the fact's bodies need of each key
        total, live = 0, 0
        for b in range(starts[i], starts[i + 1]):
            head[b] = i
            dead[b], crossed[b], cluster[b] = False, False, 0
            first = size
            need = (
                size
                + choice_start[b + 1]
                - choice_start[b]
                + cap
                + 4 * (raw_start[origin[b] + 1] - raw_start[origin[b]] + literal_start[b + 1] - literal_start[b])
            )
            if need > len(keys):
                keys, sets = longer(keys, need), taller(sets, need)
            for at in range(choice_start[b], choice_start[b + 1]):
                keys[size] = choices[at]
                set_row(sets, size, masks, at)
                slot[choices[at]] = size
                size += 1
            for at in range(literal_start[b], literal_start[b + 1]):
                dropped[at] = False
            # members of groups, also those that the normal form looked through
            for e in range(raw_start[origin[b]], raw_start[origin[b] + 1] + literal_start[b + 1] - literal_start[b]):
                if e < raw_start[origin[b] + 1]:
                    literal = raw[e]
                else:
                    literal = literals[literal_start[b] + e - raw_start[origin[b] + 1]]
                x = _fact(literal)
                for m in range(member_start[x], member_start[x + 1]):
                    g = member_group[m]
                    if not active[g]:
                        continue
                    count = group_start[g + 1] - group_start[g]
                    lossy = count + 1 > bits
                    if lossy and literal < 0:
                        continue
                    value = member_value[m] % (bits - 1) if lossy else member_value[m]
                    key = count_choices + g
                    at = slot[key]
                    if at < 0:
                        if size == len(keys):
                            keys, sets = longer(keys, size + 1), taller(sets, size + 1)
                        at = slot[key] = size
                        keys[at] = key
                        for w in range(words):
                            sets[at, w] = ~np.uint64(0)
                        size += 1
                        relied[g] = True
                    for w in range(words):
                        one[w] = np.uint64(1) << np.uint64(value & 63) if w == value >> 6 else np.uint64(0)
                        sets[at, w] &= one[w] if literal >= 0 else ~one[w]
            # what positive facts need themselves
            limit = size + cap
            for at in range(literal_start[b], literal_start[b + 1]):
                x = literals[at]
                if x < 0:
                    size, keys, sets = _failing(
                        ~x, starts, choice_start, choices, masks, literal_start, full, dead, slot, limit, size, keys,
                        sets,
                    )  # fmt: skip
                    continue
                for k in range(begin[bodies + x], end[bodies + x]):
                    key = keys[k]
                    to = slot[key]
                    if to < 0:
                        if size >= limit:
                            continue
                        if size == len(keys):
                            keys, sets = longer(keys, size + 1), taller(sets, size + 1)
                        to = slot[key] = size
                        keys[to] = key
                        set_row(sets, to, sets, k)
                        size += 1
                    else:
                        for w in range(words):
                            sets[to, w] &= sets[k, w]
            for k in range(first, size):
                slot[keys[k]] = -1
                empty = True
                for w in range(words):
                    empty &= sets[k, w] == 0
                dead[b] |= empty
            begin[b] = first
            if dead[b]:
                size = first
                end[b] = first
                continue
            ranks = ranked(keys, first, size)
            arrange(keys, first, ranks)
            arrange_rows(sets, first, ranks)
            end[b] = size
            # `d1, not d2` of one group: the first says it all
            for at in range(literal_start[b], literal_start[b + 1]):
                if literals[at] >= 0:
                    continue
                x = ~literals[at]
                for m in range(member_start[x], member_start[x + 1]):
                    g = member_group[m]
                    if not active[g]:
                        continue
                    for other in range(literal_start[b], literal_start[b + 1]):
                        y = literals[other]
                        if y < 0:
                            continue
                        for k in range(member_start[y], member_start[y + 1]):
                            dropped[at] |= member_group[k] == g
            order[live] = b
            live += 1
            # -------------------------------------------------------------- supports of its literals, if disjoint
            count = 0
            for at in range(choice_start[b], choice_start[b + 1]):
                if count == len(lo):
                    lo, hi, item = longer(lo, count), longer(hi, count), longer(item, count)
                lo[count] = hi[count] = choices[at]
                item[count] = at - choice_start[b]
                count += 1
            width = choice_start[b + 1] - choice_start[b]
            for at in range(literal_start[b], literal_start[b + 1]):
                x = _fact(literals[at])
                if dropped[at] or component[x] == component[i]:
                    continue
                for k in range(support_start[x], support_end[x]):
                    if count == len(lo):
                        lo, hi, item = longer(lo, count), longer(hi, count), longer(item, count)
                    lo[count], hi[count], item[count] = firsts[k], lasts[k], width + at - literal_start[b]
                    count += 1
            for k in range(width + literal_start[b + 1] - literal_start[b]):
                parent[k] = k
            count, crossed[b] = _union(lo, hi, item, count, parent, cap_support)
            while total + count > len(all_lo):
                all_lo, all_hi = longer(all_lo, total + count), longer(all_hi, total + count)
                all_item = longer(all_item, total + count)
            for k in range(count):
                all_lo[total], all_hi[total], all_item[total] = lo[k], hi[k], live - 1
                total += 1
        # ------------------------------------------------------------------------------------- how they combine
        if kind == OUTCOMES:
            all_lo[0] = all_hi[0] = alias[i]
            total = 1
        elif kind == LITERAL:
            x = _fact(alias[i])
            total = support_end[x] - support_start[x]
            while total > len(all_lo):
                all_lo, all_hi = longer(all_lo, total), longer(all_hi, total)
                all_item = longer(all_item, total)
            for k in range(total):
                all_lo[k], all_hi[k] = firsts[support_start[x] + k], lasts[support_start[x] + k]
                all_item[k] = 0
            parent[0] = 0
        for k in range(max(1, live)):
            parent[k] = k
        if kind == OUTCOMES:
            all_item[0] = 0
        total, _ = _union(all_lo, all_hi, all_item, total, parent, cap_support)
        if held + total > len(firsts):
            firsts, lasts = longer(firsts, held + total), longer(lasts, held + total)
        for k in range(total):
            firsts[held + k], lasts[held + k] = all_lo[k], all_hi[k]
        support_start[i], support_end[i] = held, held + total
        held += total
        how[i] = NOTHING
        if cyclic[i]:
            how[i] = COMPILE
        elif live == 1:
            how[i] = ADD
        elif live > 1:
            clusters = 0
            for k in range(live):
                low[k] = _root(parent, k)
                cluster[order[k]] = low[k]
                clusters += low[k] == k
            parent_of = parent  # overwritten by the decision tree
            if _exclusive(
                order, 0, live, own, begin, end, keys, sets, parent_of, where, low, scratch, split[i]
            ):  # fmt: skip
                how[i] = ADD
                for k in range(live):
                    cluster[order[k]] = 0
            elif clusters > 1:
                how[i] = NOISY_OR
                for k in range(split.shape[1]):
                    split[i, k] = -1
                for k in range(live):
                    scratch[k] = cluster[order[k]]
                arrange(order, 0, ranked(scratch, 0, live))
                start = 0
                for k in range(live):
                    if k + 1 == live or cluster[order[k + 1]] != cluster[order[k]]:
                        if k > start and not _exclusive(
                            order, start, k + 1, own, begin, end, keys, sets, parent_of, where, low, scratch, split[i]
                        ):  # fmt: skip
                            how[i] = COMPILE
                            break
                        start = k + 1
            else:
                how[i] = COMPILE
        # ---------------------------------------------------------------------------- what all its bodies need
        first = size
        if size + cap + 4 > len(keys):
            keys, sets = longer(keys, size + cap + 4), taller(sets, size + cap + 4)
        if kind == OUTCOMES:
            keys[size] = alias[i]
            set_row(sets, size, alias_mask, i)
            size += 1
        elif kind == LITERAL and alias[i] >= 0:
            for k in range(begin[bodies + alias[i]], end[bodies + alias[i]]):
                keys[size] = keys[k]
                set_row(sets, size, sets, k)
                size += 1
        elif live:
            least = order[0]
            for k in range(live):
                if end[order[k]] - begin[order[k]] < end[least] - begin[least]:
                    least = order[k]
            for entry in range(begin[least], end[least]):
                key, everywhere = keys[entry], True
                if size - first >= cap:
                    break
                set_row(sets, size, sets, entry)
                for k in range(live):
                    b = order[k]
                    at = lower_bound(keys, begin[b], end[b], key)
                    if at == end[b] or keys[at] != key:
                        everywhere = False
                        break
                    for w in range(words):
                        sets[size, w] |= sets[at, w]
                if everywhere:
                    keys[size] = key
                    size += 1
        begin[bodies + i], end[bodies + i] = first, size
        # ------------------------------------------------------- the support of a cycle is that of all its members
        if cyclic[i] and (i + 1 == n or component[i + 1] != component[i]):
            low_member = i
            while low_member > 0 and component[low_member - 1] == component[i]:
                low_member -= 1
            total = 0
            for x in range(low_member, i + 1):
                for k in range(support_start[x], support_end[x]):
                    if total == len(all_lo):
                        all_lo, all_hi = longer(all_lo, total), longer(all_hi, total)
                        all_item = longer(all_item, total)
                    all_lo[total], all_hi[total], all_item[total] = firsts[k], lasts[k], 0
                    total += 1
            parent[0] = 0
            total, _ = _union(all_lo, all_hi, all_item, total, parent, cap_support)
            if held + total > len(firsts):
                firsts, lasts = longer(firsts, held + total), longer(lasts, held + total)
            for k in range(total):
                firsts[held + k], lasts[held + k] = all_lo[k], all_hi[k]
            for x in range(low_member, i + 1):
                support_start[x], support_end[x] = held, held + total
            held += total
        # ---------------------------------------------------------------- groups whose last member this fact is
        for at in range(last_start[i], last_start[i + 1]):
            g = last_groups[at]
            if not active[g]:
                continue
            count = 0
            for m in range(group_start[g], group_start[g + 1]):
                x = group_members[m]
                if state[x] == FALSE:
                    continue
                if starts[x] == starts[x + 1]:
                    order[count] = bodies + x  # looked through: its own signature
                    count += 1
                for b in range(starts[x], starts[x + 1]):
                    if not dead[b]:
                        order[count] = b
                        count += 1
            if not _exclusive(
                order, 0, count, head, begin, end, keys, sets, parent, where, low, scratch, nowhere
            ):  # fmt: skip
                active[g] = False
                again |= relied[g]
    return again, support_start, support_end, firsts[:held], lasts[:held]


@kernel("Tuple((int64[::1], int64[::1]))(int32[:,::1], int64, int64[::1])")
def alike(table, place, order):
    """Rows that agree in all columns but one, of rows in an order that brings such together.

    Returns:
        The rows of each set of at least two, one set after the other, and the sizes of the sets.
    """
    n, columns = table.shape
    members, sizes, total, count, first = np.empty(n, np.int64), np.empty(n, np.int64), 0, 0, 0
    for k in range(1, n + 1):
        same = k < n
        for column in range(columns):
            if same and column != place:
                same = table[order[k], column] == table[order[first], column]
        if same:
            continue
        if k - first > 1:
            for at in range(first, k):
                members[total + at - first] = order[at]
            sizes[count] = k - first
            total += k - first
            count += 1
        first = k
    return members[:total].copy(), sizes[:count].copy()
