"""Counting maps of concepts, against enumeration of all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosym.explain.audit.maps import Requirement, count_maps, requirement


def by_enumeration(sizes: list[int], requirements: list[tuple[tuple[int, ...], np.ndarray]]) -> list[tuple[int, ...]]:
    return [
        images
        for images in itertools.product(*map(range, sizes))
        if all(allowed[tuple(images[v] for v in scope)] for scope, allowed in requirements)
    ]


@st.composite
def problems(draw):
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    own = [draw(st.integers(0, s - 1)) for s in sizes]
    requirements = []
    for _ in range(draw(st.integers(0, 5))):
        scope = tuple(draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=3)))
        cells = int(np.prod([sizes[v] for v in scope]))
        allowed = np.array(draw(st.lists(st.booleans(), min_size=cells, max_size=cells))).reshape(
            [sizes[v] for v in scope]
        )
        allowed[tuple(own[v] for v in scope)] = True  # the identity always fits
        requirements.append((scope, allowed))
    return sizes, own, requirements


@settings(max_examples=300, deadline=None)
@given(problems())
def test_as_many_as_by_enumeration(problem):
    sizes, own, requirements = problem
    all_maps = by_enumeration(sizes, requirements)
    least = [r for scope, allowed in requirements if (r := requirement(scope, allowed)) is not None]
    found = count_maps(sizes, own, least)
    assert found.complete and found.count == len(all_maps)
    images = {v: tuple(sorted({m[v] for m in all_maps})) for v in range(len(sizes))}
    assert found.moved == {v: i for v, i in images.items() if set(i) != {own[v]}}
    if len(all_maps) == 1:
        assert found.example is None
    else:
        assert found.example is not None
        example = tuple(found.example[v] for v in range(len(sizes)))
        assert example in all_maps and example != tuple(own)


def test_a_search_that_is_cut_gives_a_lower_bound():
    sizes, own = [4] * 6, [0] * 6
    table = np.add.outer(np.arange(4), np.arange(4)) % 2 == 0
    chain = [Requirement((k, k + 1), table) for k in range(5)]
    whole = count_maps(sizes, own, chain)
    assert (whole.count, whole.complete) == (2 * 2**6, True)
    cut = count_maps(sizes, own, chain, max_nodes=2)
    assert not cut.complete and 1 <= cut.count < whole.count
    assert count_maps(sizes, own, chain, max_nodes=0).count == 1


@pytest.mark.parametrize("scope", [(0, 0), (0, 1, 0)])
def test_a_variable_twice_is_asked_once(scope):
    allowed = np.zeros([3] * len(scope), bool)
    allowed[(1,) * len(scope)] = True
    least = requirement(scope, allowed)
    assert least is not None and sorted(least.scope) == sorted(set(scope))
