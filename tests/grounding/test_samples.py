"""Many samples grounded together, against each of them grounded alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neurosym.errors import FactError, GroundingError, LimitError, NeurosymError, RuleError, SemanticsError
from neurosym.facts import FactBase
from neurosym.grounding import DerivationGraph, Limits, SampleGraphs, Samples, ground, ground_samples
from neurosym.lang import Iri, Program, Symbol, parse_atom, parse_text
from neurosym.lang.ast import Atom
from tests.oracles.options import probabilities
from tests.oracles.programs import LAYERS, Style, programs
from tests.oracles.samples import GivenFact, base_of, sample_lists, visible_facts, visible_groundings

CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
PROGRAMS = Style(constants=("1", "2", "3"), weights=("0.3", "0.5", "1.0"), facts=6, rules=8, groups=True, evidence=True)
QUERIES = [parse_atom(f"{n}({', '.join('XY'[:k])})" if k else n) for layer in LAYERS for n, k in layer]
SUMS = """
number(W, N) :- digit(W, tens, T), digit(W, ones, U), N = 10 * T + U.
total(S) :- number(left, A), number(right, B), S = A + B.
"""


def parse(statements: list[str]) -> Program:
    try:
        return parse_text("\n".join(statements), "random.rules")
    except RuleError:
        assume(False)
        raise


def exact(graph: DerivationGraph, program: Program, asked: list[Atom]) -> dict | None:
    try:
        return probabilities(graph, program, asked)
    except SemanticsError as error:
        assert error.code == "NS502"
        return None


def alone(program: Program, shared: list[GivenFact], samples: list[list[GivenFact]], **options) -> list:
    """Each sample's own graph; or the code of the error."""
    found = []
    for sample in samples:
        try:
            found.append(ground(program, base_of(shared) + base_of(sample), **options))
        except GroundingError as error:
            found.append(error.code)
    return found


def together(
    program: Program, shared: list[GivenFact], samples: list[list[GivenFact]], graphs: list, **options
) -> SampleGraphs | None:
    """All of them; None if that fails as one of them does."""
    try:
        return ground_samples(program, samples, base_of(shared), **options)
    except GroundingError as error:
        assert error.code in graphs
        return None


def check_same(found: DerivationGraph, expected: DerivationGraph, names: set[str]) -> None:
    """The same graph, but for shared facts on which nothing of the sample rests."""
    facts, all_facts = visible_facts(found), visible_facts(expected)
    assert facts.items() <= all_facts.items()
    left = {atom for atom in all_facts.keys() - facts.keys() if atom.split("(")[0] in names}
    assert not left
    groundings = visible_groundings(expected)
    assert visible_groundings(found) == {g: n for g, n in groundings.items() if g[1] in facts}


def check_samples(statements: list[str], shared: list[GivenFact], samples: list[list[GivenFact]]) -> None:
    program = parse(statements)
    graphs = alone(program, shared, samples)
    whole = together(program, shared, samples, graphs)
    if whole is None:
        return
    names = {name for name, _ in whole.names.values()}
    exact_shapes = whole.marked(whole.marks, derivations=True)
    asked = [q for q in QUERIES if q.predicate in names]
    for number, expected in enumerate(graphs):
        found = whole.graph(number)
        check_same(found, expected, names)
        check_acyclic(found)
        assert number in whole.shapes[whole.shape[number]].samples
        shape = exact_shapes.shapes[exact_shapes.shape[number]]
        assert number in shape.samples
        assert visible_count(shape.graph) == visible_count(found)
    evident = {e.atom.predicate for e in program.evidence} <= names
    for number, expected in enumerate(graphs if evident else []):
        wanted, got = exact(expected, program, asked), exact(whole.graph(number), program, asked)
        assert (wanted is None) == (got is None)
        assert wanted is None or got == pytest.approx(wanted, abs=1e-9)


def visible_count(graph: DerivationGraph) -> list[tuple]:
    """What a shape keeps of a graph."""
    facts = [(graph.key(f), int(graph.status[f])) for f in range(graph.num_facts)]
    return [*sorted(facts), *sorted(graph.rule.tolist())]


def check_acyclic(graph: DerivationGraph) -> None:
    """First groundings of what is not given have positive body facts of smaller ids."""
    first = set(np.nonzero(graph.place >= 0)[0].tolist())
    for number, head in enumerate(graph.head.tolist()):
        if head not in first:
            first.add(head)
            body, signs = graph.body_of(number)
            assert all(fact < head for fact, sign in zip(body, signs, strict=True) if sign)


@settings(max_examples=150, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists())
def test_samples_are_what_each_is_alone(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]]
) -> None:
    check_samples(statements, *facts)


@pytest.mark.slow
@settings(max_examples=3000, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists())
def test_samples_are_what_each_is_alone_often(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]]
) -> None:
    check_samples(statements, *facts)


def check_demand(statements: list[str], shared: list[GivenFact], samples: list[list[GivenFact]], asked: Atom) -> None:
    program = parse(statements)
    graphs = alone(program, shared, samples, queries=[asked], demand=True)
    whole = together(program, shared, samples, graphs, queries=[asked], demand=True)
    if whole is None:
        return
    found = whole.matches(asked)
    for number, expected in enumerate(graphs):
        of = whole.sample[found]
        mine = {
            tuple(whole.whole.args(f)[int(s >= 0) :]): int(whole.whole.status[f])
            for f, s in zip(found.tolist(), of.tolist(), strict=True)
            if s in (-1, number)
        }
        spelled = {tuple(whole.whole.symbols.values(args)): status for args, status in mine.items()}
        wanted = {
            tuple(expected.symbols.values(expected.args(f))): int(expected.status[f])
            for f in expected.matches(asked).tolist()
        }
        # what depends on no sample is asked about by all of them together, so that there can be more of it
        assert spelled == wanted if (of >= 0).all() else spelled.items() >= wanted.items()


@settings(max_examples=100, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists(), st.sampled_from(QUERIES), st.booleans())
def test_demand_of_samples(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]], query: Atom, bound: bool
) -> None:
    atom = parse_atom(str(query.predicate) + (f"({', '.join(('1', 'Y')[: len(query.args)])})" if query.args else ""))
    check_demand(statements, *facts, atom if bound else query)


# ------------------------------------------------------------------------------------------------------- shapes


def additions(*digits: tuple[int, int, int, int]) -> list[list[tuple]]:
    places = [(Symbol(w), Symbol(p)) for w in ("left", "right") for p in ("tens", "ones")]
    return [[("digit", (*place, d)) for place, d in zip(places, row, strict=True)] for row in digits]


def test_samples_of_one_shape_share_a_graph() -> None:
    program = Program.from_text(SUMS, facts_predicates=[("digit", 3)])
    rows = [tuple(r) for r in np.random.default_rng(0).integers(0, 10, (50, 4)).tolist()]
    graphs = ground_samples(program, additions(*rows))
    (shape,) = graphs.shapes
    assert shape.samples.tolist() == list(range(50))
    totals = shape.graph.matches(parse_atom("total(S)"))
    ids = graphs.arguments(shape.in_whole(totals), 0)[:, 0]
    assert graphs.whole.symbols.values(ids.tolist()) == [10 * (a + c) + b + d for a, b, c, d in rows]


def test_the_order_of_facts_and_samples_does_not_matter() -> None:
    program = Program.from_text(SUMS, facts_predicates=[("digit", 3)])
    samples = additions((1, 2, 3, 4), (9, 9, 9, 9), (0, 0, 0, 0))
    mixed = [samples[2][::-1], samples[0][2:] + samples[0][:2], samples[1]]
    one, other = ground_samples(program, samples), ground_samples(program, mixed)
    assert len(one.shapes) == len(other.shapes) == 1
    for number, at in ((0, 1), (1, 2), (2, 0)):
        assert visible_facts(one.graph(number)) == visible_facts(other.graph(at))


@settings(max_examples=60, suppress_health_check=CHECKS)
@given(programs(PROGRAMS), sample_lists(), st.randoms(use_true_random=False))
def test_shapes_of_samples_in_another_order(
    statements: list[str], facts: tuple[list[GivenFact], list[list[GivenFact]]], random
) -> None:
    program = parse(statements)
    shared, samples = facts
    order = list(range(len(samples)))
    random.shuffle(order)
    try:
        one = ground_samples(program, samples, base_of(shared))
        other = ground_samples(program, [samples[k] for k in order], base_of(shared))
    except GroundingError:
        return
    together_one = one.shape[order]
    assert (together_one[:, None] == together_one).tolist() == (other.shape[:, None] == other.shape).tolist()


def test_different_structures_are_different_shapes() -> None:
    program = Program.from_text(
        "path(X, Y) :- edge(X, Y). path(X, Z) :- path(X, Y), edge(Y, Z).", facts_predicates=[("edge", 2)]
    )
    chain, fork, longer = [(1, 2), (2, 3)], [(1, 2), (1, 3)], [(7, 8), (8, 9)]
    graphs = ground_samples(program, [[("edge", e) for e in edges] for edges in (chain, fork, longer, [])])
    assert graphs.shape.tolist() == [0, 1, 0, 2]


def test_equal_hashes_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosym.grounding.samples import shapes

    monkeypatch.setattr(shapes, "_weights", lambda random, n: np.zeros(n, np.uint64))
    test_different_structures_are_different_shapes()


def test_uncertain_facts_in_common_are_told_apart() -> None:
    # in 0 and 2 both literals rest on one choice, in 1 on two
    program = Program.from_text(
        "0.5 :: u(1). 0.5 :: u(2). v(X) :- u(X). w(X) :- u(X). both :- a(X), b(Y), v(X), w(Y).",
        facts_predicates=[("a", 1), ("b", 1)],
    )
    samples = [[("a", (x,)), ("b", (y,))] for x, y in ((1, 1), (1, 2), (1, 1))]
    graphs = ground_samples(program, samples)
    assert graphs.shape.tolist() == [0, 1, 0]
    found = [exact(graphs.graph(k), program, [parse_atom("both")]) for k in range(3)]
    assert [list((f or {}).values()) for f in found] == [[0.5], [0.25], [0.5]]


def test_what_samples_have_in_common_is_grounded_once() -> None:
    program = Program.from_text(
        "reach(X, Y) :- edge(X, Y). reach(X, Z) :- reach(X, Y), edge(Y, Z). found(Y) :- start(X), reach(X, Y).",
        facts_predicates=[("edge", 2), ("start", 1)],
    )
    shared = FactBase.from_facts([("edge", (k, k + 1)) for k in range(30)])
    graphs = ground_samples(program, [[("start", (k % 3,))] for k in range(300)], shared)
    assert sum(key == ("reach", 2) for key in graphs.whole.predicates) == 1
    assert graphs.whole.num_groundings == 30 * 31 // 2 + 300 * 29
    assert len(graphs.shapes) == 3
    graph = graphs.graph(299)
    assert len(graph.matches(parse_atom("found(Y)"))) == 28


def test_pieces_of_a_join_do_not_split_a_shape() -> None:
    # more bindings than one piece holds, two heads, and a choice
    program = Program.from_text("0.4 :: p(X, Y); 0.3 :: q(Y, X) :- e(X), f(Y).", facts_predicates=[("e", 1), ("f", 1)])
    columns = {
        "e": (np.repeat(np.arange(9000), 2), np.tile([1, 2], 9000)),
        "f": (np.repeat(np.arange(9000), 3), np.tile([4, 5, 6], 9000)),
    }
    graphs = ground_samples(program, Samples.from_columns(9000, columns))
    assert len(graphs.shapes) == 1


# -------------------------------------------------------------------------------------------------------- facts


def test_columns_lists_and_fact_bases_are_the_same() -> None:
    pandas = pytest.importorskip("pandas")
    lists = [[("p", (1, Symbol("a"))), ("q", (2.5,))], [("p", (2, "New York"))], []]
    frame = pandas.DataFrame({"sample": [0, 1], "number": [1, 2], "name": ["a", "New York"]})
    columns = {"p": frame, "q": (np.array([0]), np.array([2.5]))}
    made = [
        Samples.of(lists), Samples.of([FactBase.from_facts(x) for x in lists]), Samples.from_columns(3, columns),
    ]  # fmt: skip
    for number in range(3):
        first, *others = [sorted(map(str, m.facts(number))) for m in made]
        assert [len(m) for m in made] == [3, 3, 3]
        assert others == [first, first]


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"p": ([0, 1], [1])}, "different lengths"),
        ({"p": ([0, 3], [1, 2])}, "numbers of samples"),
        ({"p": ([0.5, 1], [1, 2])}, "numbers of samples"),
        ({"p": ([0, 1], [1, None])}, "missing values"),
        ({"p": (np.array([0]), np.array([np.nan]))}, "missing values"),
    ],
)
def test_faulty_columns(columns: dict, what: str) -> None:
    with pytest.raises(FactError, match=what) as caught:
        Samples.from_columns(3, columns)
    assert caught.value.code == "NS307"


def error_of(text: str, samples: list[list[tuple]], **options) -> NeurosymError:
    with pytest.raises(NeurosymError) as caught:
        ground_samples(Program.from_text(text, facts_predicates=[("digit", 3)]), samples, **options)
    return caught.value


def test_facts_that_the_program_does_not_know() -> None:
    unknown = error_of(SUMS, [[], [("digits", (1, 2, 3))]])
    assert (unknown.code, "sample 1" in unknown.message, "digit" in unknown.help) == ("NS427", True, True)
    arity = error_of(SUMS, [[("digit", (1, 2))]])
    assert (arity.code, arity.note) == ("NS427", "`digit` has 3 arguments")


def test_facts_that_do_not_fit_their_declaration() -> None:
    error = error_of("pred age(n: int). old(N) :- age(N), N > 60.", [[("age", (61,))], [("age", ("many",))]])
    assert error.code == "NS425"
    assert error.message.startswith("sample 1:")


def test_what_cannot_be_grounded_together() -> None:
    error = error_of("pred likes(n: 0..3) open. a(X) :- likes(X).", [[("likes", (1,))]])
    assert error.code == "NS905"


def test_limits_are_for_all_samples() -> None:
    error = error_of(SUMS, additions(*[(1, 2, 3, 4)] * 20), limits=Limits(facts=100))
    assert isinstance(error, LimitError)


def test_no_samples_and_samples_without_facts() -> None:
    program = Program.from_text(SUMS + "0.5 :: rain.", facts_predicates=[("digit", 3)])
    assert ground_samples(program, []).shapes == []
    graphs = ground_samples(program, [[], [], *additions((1, 2, 3, 4))], queries=[parse_atom("total(X)")])
    assert graphs.shape.tolist() == [0, 0, 1]


def test_rdf_facts_of_samples() -> None:
    text = "@prefix ex: <http://e.example/> .\nill(P) :- triple(P, ex:has, X), ex:Disease(X).\n"
    program = Program.from_text(text)
    has, disease = "<http://e.example/has>", "<http://e.example/Disease>"
    shared = FactBase.from_facts([(disease, (Iri("http://e.example/flu"),))])
    samples = [[(has, (Symbol("p"), Iri(f"http://e.example/{x}")))] for x in ("flu", "hat", "flu")]
    graphs = ground_samples(program, samples, shared)
    assert [len(graphs.graph(k).matches(parse_atom("ill(P)"))) for k in range(3)] == [1, 0, 1]
