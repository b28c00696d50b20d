"""Learning in stages, calibration, files of models, and a model behind a neural predicate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import neurosym as ns
from neurosym.errors import DataError, ModelError
from neurosym.links.calibration import Calibration, calibrate, fitted, reliability
from neurosym.links.evaluation import KnownAnswers, evaluate
from neurosym.links.fit import Recipe, scorer
from neurosym.links.graph import TripleGraph
from neurosym.links.learning import Learned, Together, learn_links, nearest_to_one
from neurosym.links.model import LinkModel
from neurosym.links.network.members import APART
from neurosym.links.network.paths import PathNetwork
from neurosym.links.network.reach import Adjacency
from neurosym.links.predicate import LinkPredicate, entity_table
from neurosym.links.priors import SignaturePrior
from neurosym.links.rules import mine
from neurosym.links.rules.part import RuleScores
from neurosym.links.saving import FORMAT, load_links, save_links
from neurosym.reasoner.tensors import write_tensors

RELATIONS = ("parent", "grandparent", "likes")
RECIPE = Recipe(epochs=2, batch=16, lr=0.02)


def family(seed: int = 0) -> tuple[TripleGraph, np.ndarray]:
    """Trees of three generations with random likes; some grandparents are left out, to be found."""
    random = np.random.default_rng(seed)
    triples, left_out = [], []
    for tree in range(12):
        first = tree * 7
        children = [(first, 0, first + 1), (first, 0, first + 2)]
        children += [(first + 1 + k // 2, 0, first + 3 + k) for k in range(4)]
        grand = [(first, 1, first + 3 + k) for k in range(4)]
        triples += [*children, *grand[:3]]
        left_out.append(grand[3])
    triples += [(int(a), 2, int(b)) for a, b in random.integers(0, 84, (60, 2)) if a != b]
    names = tuple(f"p{i}" for i in range(84))
    return TripleGraph(names, RELATIONS, np.unique(np.array(triples), axis=0)), np.array(left_out)


def made(graph: TripleGraph, *parts: str) -> LinkModel:
    network = PathNetwork(3, channels=8, rounds=2) if "paths" in parts else None
    rules = RuleScores(mine(graph, seconds=5)) if "rules" in parts else None
    return LinkModel(network, SignaturePrior(3) if "prior" in parts else None, rules)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[LinkModel, TripleGraph, np.ndarray, Learned]:
    graph, valid = family()
    model = made(graph, "rules", "prior", "paths")
    folder = tmp_path_factory.mktemp("checkpoints")
    result = learn_links(model, Adjacency.of(graph), graph.triples, valid, RECIPE, folder=folder, progress=False)
    assert {p.name for p in folder.iterdir()} == {"others-0.checkpoint", "together-0.checkpoint"}
    return model, graph, valid, result


def test_the_stages_come_in_order_and_the_best_is_kept(learned: tuple) -> None:
    model, graph, valid, result = learned
    names, reached = [s.name for s in result.stages], {s.name: s.mrr for s in result.stages}
    assert names == ["rules", "others", "balanced", "together"]
    assert reached["balanced"] >= max(reached["rules"], reached["others"]) - 1e-9
    seconds = [s.seconds for s in result.stages]
    assert seconds == sorted(seconds) and seconds[0] > 0
    known = KnownAnswers([graph.triples, valid], 3)
    mrr = evaluate(scorer(model, Adjacency.of(graph)), valid, known).mrr()
    assert mrr == pytest.approx(max(reached["balanced"], reached["together"]), abs=1e-6)
    assert mrr == pytest.approx(result.mrr, abs=1e-6) and mrr > 0.9 and not model.training


def test_it_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    graph, valid = family()
    adjacency = Adjacency.of(graph)
    once, again = made(graph, "rules", "prior"), made(graph, "rules", "prior")
    learn_links(once, adjacency, graph.triples, valid, RECIPE, folder=tmp_path, progress=False)
    told: list[str] = []
    resumed = learn_links(
        again, adjacency, graph.triples, valid, RECIPE, folder=tmp_path, progress=False,
        told=lambda stage, _: told.append(stage.name),
    )  # fmt: skip
    assert told == ["rules", "others", "balanced", "together"]
    rules, others, *_ = resumed.stages
    assert others.seconds - rules.seconds >= resumed.others[0].seconds[-1] - 1e-6, "the first run took that time"
    for name, value in once.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_part_that_is_made_smaller_says_the_same_in_smaller_numbers() -> None:
    graph, valid = family()
    model, adjacency = made(graph, "rules", "prior", "paths").eval(), Adjacency.of(graph)
    assert model.prior is not None
    torch.nn.init.normal_(model.prior.weight)
    with torch.no_grad():
        before = model(adjacency, valid[:, :2]).parts
        model.rescale("rules", 0.5, 0.1)
        after = model(adjacency, valid[:, :2]).parts
    for name, factor in (("rules", 0.5), ("prior", 0.1), ("paths", 0.1)):
        assert torch.allclose(after[name], factor * before[name], rtol=1e-3, atol=1e-4), name


def test_a_model_of_one_part_has_one_stage() -> None:
    graph, valid = family()
    result = learn_links(
        made(graph, "prior"), Adjacency.of(graph), graph.triples, valid, RECIPE, Together(0), progress=False
    )
    assert [s.name for s in result.stages] == ["others"]
    with pytest.raises(DataError, match="none to choose by"):
        learn_links(made(graph, "prior"), Adjacency.of(graph), graph.triples, valid[:0], RECIPE, progress=False)


@pytest.mark.parametrize("parts", [("rules",), ("prior",), ("paths",), ("prior", "paths"), ("rules", "prior")])
def test_a_learned_model_drops_nothing(parts: tuple[str, ...]) -> None:
    graph, valid = family()
    model = made(graph, *parts)
    learn_links(model, Adjacency.of(graph), graph.triples, valid, Recipe(epochs=1), progress=False)
    assert not any(module.training for module in model.modules())


def test_scores_are_those_of_a_model_that_drops_nothing(learned: tuple) -> None:
    model, graph, valid, _ = learned
    ask = scorer(model.train(), Adjacency.of(graph))
    assert np.array_equal(ask(valid[:4, :2]), ask(valid[:4, :2])) and model.training
    model.eval()


# ---------------------------------------------------------------------------------------------- calibration


def test_calibrated_probabilities_add_up_to_what_is_true(learned: tuple) -> None:
    """At its optimum, the calibration says on average what is true on average."""
    model, graph, valid, _ = learned
    adjacency, known = Adjacency.of(graph), KnownAnswers([graph.triples], 3)
    calibration = calibrate(model, adjacency, valid, known)
    bins = reliability(model, calibration, adjacency, valid, known, bins=4, least=0.0)
    said = sum(s * n for s, n in zip(bins.said, bins.count, strict=True))
    true = sum(t * n for t, n in zip(bins.true, bins.count, strict=True))
    assert said == pytest.approx(true, rel=1e-3)
    assert bins.true[-1] > bins.true[0]
    untouched = reliability(model, Calibration(intercept=3.0), adjacency, valid, known, bins=4, least=0.0)
    assert bins.error < untouched.error


def test_the_search_does_not_stop_where_nearly_all_answers_are_false(learned: tuple) -> None:
    """In a large graph the mean loss is flat from the start, and the two numbers stayed where they were."""
    model, graph, valid, _ = learned
    more = TripleGraph((*graph.entities, *(f"x{k}" for k in range(20_000))), graph.relations, graph.triples)
    adjacency, known = Adjacency.of(more), KnownAnswers([graph.triples], 3)
    bins = reliability(model, calibrate(model, adjacency, valid, known), adjacency, valid, known, bins=4, least=0.0)
    said = sum(s * n for s, n in zip(bins.said, bins.count, strict=True))
    assert said == pytest.approx(2 * len(valid), rel=0.01)


def test_a_few_hopeless_answers_and_doubt_at_the_top_bend_the_line() -> None:
    """Some true answers have no share to speak of, and of the largest shares six in ten are true at most."""
    random = np.random.default_rng(0)
    shares = np.concatenate([-30 * random.random(200_000) - 10, -10 * random.random(4_000)])
    chance = np.where(shares < -10, 1e-4, 0.6 / (1 + np.exp(-2 * (shares + 4))))
    true = (random.random(len(shares)) < chance).astype(float)
    calibration = fitted([(shares, true)])
    parts = np.array_split(random.permutation(len(shares)), 7)
    again = fitted((shares[part], true[part]) for part in parts)
    assert again.knots.tolist() == calibration.knots.tolist()
    torch.testing.assert_close(again.log_slopes, calibration.log_slopes, rtol=1e-3, atol=1e-3)
    order = torch.linspace(-40, 0, 200, dtype=torch.float64)
    assert bool((calibration.logits(order).diff() > 0).all())
    for least, most in ((-40, -10), (-3, -2), (-2, -1), (-1, 0)):
        part = (shares >= least) & (shares < most)
        said = calibration.logits(torch.from_numpy(shares[part])).sigmoid().mean().item()
        assert said == pytest.approx(chance[part].mean(), abs=0.06, rel=0.2), (least, most)


def test_nothing_to_calibrate_by(learned: tuple) -> None:
    model, graph, valid, _ = learned
    with pytest.raises(DataError, match="no valid triples"):
        calibrate(model, Adjacency.of(graph), valid[:0], KnownAnswers([graph.triples], 3))


# --------------------------------------------------------------------------------------------------- files


def test_a_saved_model_says_the_same(learned: tuple, tmp_path: Path) -> None:
    model, graph, valid, _ = learned
    path = tmp_path / "links.safetensors"
    save_links(path, model, graph.relations, Calibration((-3.0, -1.0), (0.5, 2.0), -1.0))
    saved = load_links(path)
    assert saved.relations == graph.relations and saved.calibration is not None
    shares = torch.tensor([-5.0, -2.0, -0.5, 0.0])
    assert saved.calibration.logits(shares).tolist() == pytest.approx([-2.0, -0.5, 1.0, 2.0])
    # the same triples, relations in another order
    shuffled = TripleGraph(
        graph.entities, ("likes", "parent", "grandparent"),
        np.column_stack([graph.triples[:, 0], (graph.triples[:, 1] + 1) % 3, graph.triples[:, 2]]),
    )  # fmt: skip
    there = shuffled.over(saved.relations)
    asked = valid[:, :2]
    expected = scorer(model, Adjacency.of(graph))(asked)
    assert np.allclose(scorer(saved.model, Adjacency.of(there))(asked), expected, atol=1e-5)


@pytest.mark.parametrize("networks", ["[1]", '"paths"', "null", "{}", '{"paths": {"rank": 0}}', '{"ways": {}}'])
def test_a_damaged_header(networks: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    header = f'{{"format": "{FORMAT}", "relations": ["r"], "prior": false, "networks": {networks}}}'
    write_tensors(path, {"x": torch.zeros(1)}, {"links": header}, "the model", "NS710")
    with pytest.raises(ModelError, match="cannot be read as a link model"):
        load_links(path)


@pytest.mark.parametrize("content", [b"", b"no model", b'\x08\0\0\0\0\0\0\0{"a": 1}'])
def test_a_damaged_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as a link model"):
        load_links(tmp_path / "m.safetensors")
    with pytest.raises(ModelError):
        load_links(tmp_path / "none.safetensors")


def test_a_file_that_cannot_be_written_leaves_nothing(learned: tuple, tmp_path: Path) -> None:
    model, graph, *_ = learned
    (tmp_path / "taken").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save_links(tmp_path / "taken" / "m.safetensors", model, graph.relations)


def test_a_graph_with_an_unknown_relation() -> None:
    graph, _ = family()
    with pytest.raises(DataError, match="knows no relation `likes`"):
        graph.over(("parent", "grandparent"))


# ------------------------------------------------------------------------------------- behind a predicate

FILE = """
neural grand(a: person, b: person) by links .
pred person(p: any) .
rule old_enough weight 0.9 if person(?a) and person(?b) and grand(?a, ?b) then elder(?a) .
"""


def test_a_rule_file_speaks_of_likely_links(learned: tuple) -> None:
    model, graph, valid, _ = learned
    known = KnownAnswers([graph.triples], 3)
    calibration = calibrate(model, Adjacency.of(graph), valid, known)
    network = LinkPredicate(model, graph, "grandparent", calibration)
    head, _, tail = (int(x) for x in valid[0])
    text = FILE.replace("person, b: person", "any, b: any")
    facts = ns.FactBase.from_facts([("person", (ns.Symbol(f"p{n}"),)) for n in (head, tail)])
    table = entity_table(graph)
    reasoner = ns.Reasoner(
        ns.Program.from_text(text), facts, networks={"links": network}, features={"a": table, "b": table}
    )
    answers = reasoner.query(f"grand(p{head}, p{tail})", f"grand(p{head}, p{head})")
    scores = model(Adjacency.of(graph), np.array([[head, 1]])).total
    expected = torch.sigmoid(calibration(scores))[0].detach()
    likely, unlikely = answers.tags[0].tolist()
    assert likely == pytest.approx(float(expected[tail]), abs=1e-6)
    assert unlikely == pytest.approx(float(expected[head]), abs=1e-6) and unlikely < likely
    answers.tags[0, 0].log().backward()
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.parameters())
    model.zero_grad()
    with pytest.raises(DataError, match="no relation `uncle`"):
        LinkPredicate(model, graph, "uncle", calibration)


def test_members_are_learned_apart_and_their_mean_goes_on(tmp_path: Path) -> None:
    graph, valid = family()
    adjacency, queries = Adjacency.of(graph), np.column_stack([graph.triples[:20, 0], graph.triples[:20, 1]])
    single = Together(epochs=0)
    made_of = lambda seed, members=1: LinkModel(  # noqa: E731
        PathNetwork(3, channels=4, rounds=2, seed=seed, members=members), SignaturePrior(3)
    )
    alone = []
    for seed in (0, APART):
        model = made_of(seed)
        learn_links(model, adjacency, graph.triples, valid, replace(RECIPE, seed=seed), single, progress=False)
        alone.append(model(adjacency, queries).total)
    both = made_of(0, members=2)
    result = learn_links(both, adjacency, graph.triples, valid, RECIPE, single, folder=tmp_path, progress=False)
    assert len(result.others) == 2 and result.others[0].losses != result.others[1].losses
    assert {p.name for p in tmp_path.iterdir()} == {"others-0.checkpoint", "others-1-0.checkpoint"}
    torch.testing.assert_close(both(adjacency, queries).total, torch.stack(alone).mean(0), rtol=1e-4, atol=1e-4)
    known = KnownAnswers([graph.triples, valid], 3)
    assert result.mrr == pytest.approx(evaluate(scorer(both, adjacency), valid, known).mrr())


def test_a_scale_far_from_one_needs_more_than_a_lucky_query() -> None:
    scales, same = (0.0, 0.5, 1.0, 2.0, 8.0), np.full(100, 0.5)
    lucky = np.where(np.arange(100) == 3, 1.0, 0.5)
    better = np.where(np.arange(100) % 2 == 0, 1.0, 0.5)
    assert nearest_to_one(scales, np.stack([lucky, same, same, same, lucky])) == 2, "one query is no reason"
    assert nearest_to_one(scales, np.stack([better, same, same, same, same])) == 0
    assert nearest_to_one(scales, np.stack([same, better, lucky, same, better])) == 1, "of equals the nearest"
    assert nearest_to_one(scales, np.stack([same] * 5)) == 2


def test_the_recipe_is_what_is_trained() -> None:
    """Epochs and shares of the last stage are its own."""
    graph, valid = family()
    result = learn_links(
        made(graph, "rules", "prior"), Adjacency.of(graph), graph.triples, valid, replace(RECIPE, epochs=1),
        Together(epochs=3), progress=False,
    )  # fmt: skip
    assert len(result.others) == 1 and result.together is not None
    assert (len(result.others[0].losses), len(result.together.losses)) == (1, 3)
