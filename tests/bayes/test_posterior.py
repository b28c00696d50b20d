"""A posterior against closed forms, and what it gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch.distributions import Beta as BetaLaw

import neurosym as ns
from neurosym.bayes.importance import resample
from neurosym.bayes.likelihood import Likelihood
from neurosym.bayes.run import _judged_nuts, _judged_svi
from neurosym.bayes.space import space_of
from neurosym.errors import DataError, ModelError, NetworkError, NeurosymError, SemanticsError
from neurosym.neural import MLP
from neurosym.reasoner.priors import prior_of

COIN = "rule heads weight 0.8 learn if toss(?t) then heads(?t) . toss(1). toss(2). toss(3)."
DIE = "t(0.2)::a(1); t(_)::a(2); t(_)::a(3)."
QUICK = {"svi": {"steps": 200}, "nuts": {"chains": 2, "warmup": 100, "samples": 400}}
# how far the mean may be off, in units of the closed form's sd, and the sd, as a share of it: as by 1000 samples, and
# by some 300
NEAR = {"svi": (0.1, 0.08), "nuts": (0.2, 0.15)}


def model(text: str, **options: object) -> ns.Reasoner:
    return ns.Reasoner(ns.Program.from_text(text), **options)  # pyright: ignore[reportArgumentType]


def fit(reasoner: ns.Reasoner, data: object, method: str = "svi", **options: object) -> ns.Posterior:
    made = {"samples": 1000, "progress": False, **QUICK.get(method, {}), **options}
    return ns.posterior(reasoner, data, method=method, **made)  # pyright: ignore[reportArgumentType]


def assert_near(samples: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor, method: str) -> None:
    of_mean, of_sd = NEAR[method]
    assert ((samples.mean(dim=0) - mean).abs() < of_mean * sd).all(), (samples.mean(dim=0), mean)
    assert ((samples.std(dim=0) / sd - 1).abs() < of_sd).all(), (samples.std(dim=0), sd)


# --------------------------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("method", ["svi", "nuts"])
def test_a_weight_whose_cases_are_seen_has_a_beta_posterior(method: str) -> None:
    data = [{"heads(1)": True}] * 13 + [{"heads(2)": False}] * 7
    result = fit(model(COIN), data, method)
    exact = BetaLaw(torch.tensor([1 + 8 + 13.0]), torch.tensor([1 + 2 + 7.0]))
    assert_near(result.samples["heads"], exact.mean, exact.stddev, method)
    assert result.diagnostics.warnings == ()
    found = result.predict("heads(3)")["heads(3)"]  # the next toss: the weight's own interval
    assert (found.lower, found.upper) == pytest.approx(result.interval()["heads"][0])
    # 90 % of Beta(22, 10)
    assert (found.lower, found.upper) == pytest.approx((0.5470, 0.8143), abs=0.02)


@pytest.mark.parametrize("method", ["svi", pytest.param("nuts", marks=pytest.mark.slow)])
def test_a_disjunction_whose_outcomes_are_seen_has_a_dirichlet_posterior(method: str) -> None:
    counts = [9, 5, 2, 4]
    data = [{f"a({k + 1})": True} for k in range(3) for _ in range(counts[k])]
    data += [{"a(1)": False, "a(2)": False, "a(3)": False}] * counts[3]
    prior = ns.Dirichlet((2, 1, 1, 3))
    result = fit(model(DIE), data, method, priors={"<text>:1": prior})
    numbers = torch.tensor(counts) + torch.tensor(prior.concentration)
    mean = numbers / numbers.sum()
    sd = (mean * (1 - mean) / (numbers.sum() + 1)).sqrt()
    assert_near(result.samples["<text>:1"], mean[:3], sd[:3], method)
    assert (result.samples["<text>:1"].sum(dim=1) < 1).all()


def test_labels_and_interpretations_of_separate_cases_say_the_same() -> None:
    labels = ns.Batch(("heads(T)",), {"heads(1)": True, "heads(2)": True, "heads(3)": False})
    reasoner = model(COIN)
    by_labels = fit(reasoner, labels, steps=50)
    by_worlds = fit(reasoner, {"heads(1)": True, "heads(2)": True, "heads(3)": False}, steps=50)
    assert torch.allclose(by_labels.points, by_worlds.points)


def test_causes_that_explain_each_other_away() -> None:
    """Against a grid: the posterior of two causes of one effect is a ridge, which independent Betas do not have."""
    data = [{"e": True}] * 20 + [{"e": False}] * 6
    result = fit(model("t(_)::c1. t(_)::c2. e :- c1. e :- c2."), data, samples=4000)
    axis = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
    e = 1 - (1 - axis[:, None]) * (1 - axis)
    density = e**20 * (1 - e) ** 6
    density /= density.sum()
    mean = (density.sum(dim=1) * axis).sum()
    sd = ((density.sum(dim=1) * axis**2).sum() - mean**2).sqrt()
    flat = torch.cat(list(result.samples.values()), dim=1)
    assert ((flat.mean(dim=0) - mean).abs() < 0.1 * sd).all() and ((flat.std(dim=0) / sd - 1).abs() < 0.1).all()
    covariance = (density * (axis[:, None] - mean) * (axis - mean)).sum() / sd**2
    assert float(torch.corrcoef(flat.T)[0, 1]) == pytest.approx(float(covariance), abs=0.05)
    assert result.predict("e")["e"].mean == pytest.approx(float((density * e).sum()), abs=0.01)


# ------------------------------------------------------------------------------------------------------ likelihood


def test_an_interpretation_has_the_probability_of_its_conjunction() -> None:
    reasoner = model("t(0.3)::a. t(0.6)::b. 0.5::c. x :- a, c. y :- b, c. z :- \\+ c. certain.")
    likelihood = Likelihood(reasoner, [{"x": False, "y": True, "z": False, "certain": True}, {"z": True}])
    a, b = torch.tensor([[0.3], [0.9]]), torch.tensor([[0.6], [0.2]])
    expected = torch.log(0.5 * b * (1 - a))[:, 0] + torch.log(torch.tensor(0.5))
    assert torch.allclose(likelihood({0: a.double(), 1: b.double()}), expected.double())
    assert torch.allclose(likelihood.in_parts({0: a.double(), 1: b.double()}), expected.double())


def test_a_long_interpretation_does_not_underflow() -> None:
    text = "t(0.5)::heads(T) :- toss(T). " + " ".join(f"toss({k})." for k in range(3000))
    likelihood = Likelihood(model(text), {f"heads({k})": k % 3 == 0 for k in range(3000)})
    p = torch.tensor([[0.4]], dtype=torch.float64)
    assert torch.allclose(likelihood({0: p}), 1000 * p[0].log() + 2000 * (1 - p[0]).log())


def test_the_programs_evidence_is_a_condition() -> None:
    reasoner = model("t(0.5)::a. 0.5::b. c :- a. c :- b. evidence(c).")
    p = torch.tensor([[0.3]], dtype=torch.float64)
    for data in ({"a": True}, ns.Batch(("a",), {"a": True})):
        assert torch.allclose(Likelihood(reasoner, data)({0: p}), torch.log(p[0] / (1 - 0.7 * 0.5)))


def test_networks_are_asked_once_and_kept() -> None:
    torch.manual_seed(0)
    net = MLP([3, 2])
    text = "neural high(x: Tensor, h: {no, yes}) by net . t(0.5) :: seen(X) :- high(X, yes)."
    reasoner = model(text, networks={"net": net})
    rows = torch.randn(6, 3)
    labels = torch.tensor([[1.0], [0], [1], [0], [float("nan")], [1]], dtype=torch.float64)
    batch = ns.Batch(("seen(a)",), labels, {"a": rows}, weight=2.0)
    p = torch.tensor([[0.3], [0.8]], dtype=torch.float64)
    high = torch.softmax(net(rows).double(), dim=1)[:, 1]
    tags = p * high
    expected = torch.where(labels[:, 0] == 1, tags.log(), (1 - tags).log())[:, [0, 1, 2, 3, 5]].sum(dim=1) * 2
    assert torch.allclose(Likelihood(reasoner, batch)({0: p}), expected, rtol=1e-5)
    reasoner.train()
    before = [w.clone() for w in reasoner.parameters()]
    result = fit(reasoner, batch, steps=20, samples=50)
    assert reasoner.training and all(torch.equal(x, y) for x, y in zip(before, reasoner.parameters(), strict=True))
    found = result.predict("seen(a)", inputs={"a": rows})
    assert found.mean.shape == found.lower.shape == found.upper.shape == (6, 1)
    assert torch.allclose(found.mean[:, 0], result.samples["<text>:1"].mean() * high, rtol=1e-5)


# ---------------------------------------------------------------------------------------------------- priors, errors


def test_priors_from_the_experts_weights() -> None:
    reasoner = model(COIN + "\n" + DIE + "\nt(0.2)::b; t(0.5)::c.")
    space = space_of(reasoner.learnable, {"heads": 30})
    expected = [(25, 7), (1, 1, 1, 1), (3, 6, 4)]
    assert [p.concentration for p in space.priors] == [pytest.approx(e) for e in expected]
    assert isinstance(space.priors[0], ns.Beta) and isinstance(space.priors[1], ns.Dirichlet)
    assert prior_of(reasoner.learnable[0], 0) == ns.Beta(1, 1)
    two = model("t(0.2)::a. t(0.5)::b.")
    assert space_of(two.learnable, None).names == ("<text>:1#1", "<text>:1#2")


@pytest.mark.parametrize(
    ("data", "options", "code"),
    [
        ({"heads(1)": True}, {"priors": {"tails": 3.0}}, "NS662"),
        ({"heads(1)": True}, {"priors": {"heads": ns.Dirichlet((1, 2))}}, "NS662"),
        ({"heads(1)": True}, {"priors": {"heads": ns.Dirichlet((1, 2, 3))}}, "NS662"),
        ({"heads(1)": True}, {"priors": {"heads": -1.0}}, "NS662"),
        ({"heads(1)": True}, {"method": "gibbs"}, "NS661"),
        ({"heads(1)": True}, {"samples": 0}, "NS661"),
        ([], {}, "NS620"),
        ([3], {}, "NS661"),
        (ns.Batch(("heads(T)",), {"heads(1)": True, "toss(1)": False}), {}, "NS611"),
        ([{"toss(1)": False}], {}, "NS502"),
        ([{"heads(9)": True}], {}, "NS502"),
        (ns.Batch(("heads(9)",), {"heads(9)": True}), {}, "NS663"),
        (ns.Batch(("toss(1)",), {"toss(1)": False}), {}, "NS663"),
    ],
)
def test_what_is_refused(data: object, options: dict[str, object], code: str) -> None:
    with pytest.raises(NeurosymError) as error:
        fit(model(COIN), data, **{"steps": 8, "samples": 10, **options})
    assert error.value.code == code


def test_an_interpretation_that_no_weights_allow() -> None:
    with pytest.raises(DataError, match="x and y") as error:
        fit(model("t(0.5)::a. x :- a. y :- \\+ a."), [{"x": True, "y": True}])
    assert error.value.code == "NS663"


@pytest.mark.parametrize("beta", [(0, 1), (1, -1), (float("nan"), 1)])
def test_a_beta_that_is_none(beta: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="no prior"):
        ns.Beta(*beta)


def test_where_there_is_nothing_to_learn_or_no_probability() -> None:
    with pytest.raises(DataError) as nothing:
        fit(model("0.5::a."), {"a": True})
    assert nothing.value.code == "NS621"
    with pytest.raises(SemanticsError) as fuzzy:
        fit(model("t(0.5)::a.", semantics="product"), {"a": True})
    assert fuzzy.value.code == "NS664"
    opened = model("pred sick(x: symbol) open .\nt(0.5)::a(X) :- sick(X), p(X). p(x).")
    with pytest.raises(SemanticsError) as unknown:
        fit(opened, ns.Batch(("a(x)",), {"a(x)": True}))
    assert unknown.value.code == "NS664"


def test_without_pyro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyro", None)
    with pytest.raises(NeurosymError, match="bayes") as error:
        fit(model(COIN), {"heads(1)": True})
    assert error.value.code == "NS660"


# --------------------------------------------------------------------------------------------- numbers, files, reports


@pytest.mark.parametrize(("method", "options"), [("svi", {"steps": 30}), ("nuts", {"warmup": 20, "chains": 2})])
def test_a_seed_gives_the_same_numbers_and_leaves_torchs_alone(method: str, options: dict[str, int]) -> None:
    torch.manual_seed(5)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    reasoner = model(COIN)
    first, again, other = (
        fit(reasoner, {"heads(1)": True}, method, samples=40, seed=s, **options).points for s in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(state, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_an_interrupted_run_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyro

    calls = []

    def interrupt(self: Likelihood, weights: object) -> torch.Tensor:
        calls.append(1)
        raise KeyboardInterrupt

    reasoner = model(COIN).train()
    state, threads, kept = torch.get_rng_state(), torch.get_num_threads(), dict(pyro.get_param_store().items())
    monkeypatch.setattr(Likelihood, "__call__", interrupt)
    for method in ("svi", "nuts"):
        with pytest.raises(KeyboardInterrupt):
            fit(reasoner, {"heads(1)": True}, method)
    assert len(calls) == 2 and reasoner.training
    assert torch.equal(state, torch.get_rng_state()) and torch.get_num_threads() == threads
    assert dict(pyro.get_param_store().items()) == kept


@pytest.mark.parametrize(("method", "options"), [("svi", {"steps": 30}), ("nuts", {"warmup": 20, "chains": 2})])
def test_a_posterior_is_kept(tmp_path: Path, method: str, options: dict[str, int]) -> None:
    reasoner = model(COIN + "\n" + DIE)
    result = fit(reasoner, [{"heads(1)": True, "a(2)": True}], method, samples=40, **options)
    result.save(tmp_path / "coin.posterior")
    assert [p.name for p in tmp_path.iterdir()] == ["coin.posterior"]
    read = ns.Posterior.load(tmp_path / "coin.posterior", model(COIN + "\n" + DIE))
    assert torch.equal(read.points, result.points) and read.space.priors == result.space.priors
    assert json.dumps(read.to_json(), allow_nan=False) == json.dumps(result.to_json())
    assert str(read) == str(result)
    with pytest.raises(ModelError) as other:
        ns.Posterior.load(tmp_path / "coin.posterior", model(COIN))
    assert other.value.code == "NS667"
    (tmp_path / "coin.posterior").write_bytes(b"nothing")
    with pytest.raises(ModelError) as damaged:
        ns.Posterior.load(tmp_path / "coin.posterior", reasoner)
    assert damaged.value.code == "NS666"
    with pytest.raises(ModelError) as nowhere:
        result.save(tmp_path / "no" / "where")
    assert nowhere.value.code == "NS666"


def test_predictions_over_other_facts_and_under_evidence() -> None:
    text = "pred toss(t: any) .\nt(0.5)::heads(T) :- toss(T).\nboth :- heads(1), heads(2)."
    facts = [ns.FactBase.from_facts([("toss", (k,)) for k in some]) for some in ([1, 2], [1, 2, 7])]
    program = ns.Program.from_text(text)
    result = fit(ns.Reasoner(program, facts[0]), {"heads(1)": True}, steps=50, samples=200)
    weights = result.samples["<text>:2"][:, 0]
    found = result.predict("both", "heads(3)", evidence={"heads(1)": True}, level=0.5)
    assert found["both"].mean == pytest.approx(float(weights.mean()))
    assert found["both"].upper == pytest.approx(float(weights.quantile(0.75)))
    assert found["heads(3)"].mean == found["heads(3)"].upper == 0
    elsewhere = result.over(ns.Reasoner(program, facts[1])).predict("heads(7)")
    assert elsewhere["heads(7)"].mean == pytest.approx(float(weights.mean()))
    assert json.dumps(elsewhere.to_json()) and str(elsewhere).startswith("heads(7): 0.")
    with pytest.raises(ModelError):
        result.over(model(COIN))
    with pytest.raises(DataError):
        result.interval(1.5)


def test_an_explanation_shows_the_intervals() -> None:
    reasoner = model(COIN + " fair :- heads(1).")
    result = fit(reasoner, [{"heads(1)": True}] * 5, steps=100)
    answers = reasoner.query("fair", "heads(9)")
    warned = ns.explain(answers, "fair", posterior=result)
    assert any("use_mean" in w for w in warned.warnings)
    result.use_mean()
    answers = reasoner.query("fair", "heads(9)")
    why = ns.explain(answers, "fair", posterior=result, level=0.8)
    low, high = result.interval(0.8)["heads"][0]
    (rule,) = [r for r in why.rules if r.name == "heads"]
    assert rule.credible is not None and why.claim.credible is not None
    assert (rule.credible.lower, rule.credible.upper) == pytest.approx((low, high))
    assert (why.claim.credible.lower, why.claim.credible.upper) == pytest.approx((low, high))
    assert rule.weight == pytest.approx(rule.credible.mean) and why.warnings == ()
    why.verify()
    shown = f"80% credible {100 * low:.1f}% – {100 * high:.1f}%"
    assert shown in " ".join(str(why).split()) and shown in why.to_html()
    assert f"80% credible {low:.3f} – {high:.3f}" in str(why)
    assert json.loads(why.to_json())["claim"]["credible"]["level"] == 0.8
    assert "credible" not in str(ns.explain(answers, "fair"))
    nothing = ns.explain(answers, "heads(9)", posterior=result).claim.credible
    assert nothing is not None and nothing.upper == 0
    fuzzy = ns.explain(reasoner.query("fair", semantics="viterbi"), "fair", posterior=result)
    assert fuzzy.claim.credible is None and any("no credible interval" in w for w in fuzzy.warnings)


# --------------------------------------------------------------------------------------------------------- diagnostics


def test_resampling_knows_when_it_cannot_correct() -> None:
    torch.manual_seed(0)
    x = torch.randn(4000, dtype=torch.float64)
    near, k_near = resample(-((x - 0.3) ** 2) / 2 + x**2 / 2, 2000)
    assert k_near < 0.5 and float(x[near].mean()) == pytest.approx(0.3, abs=0.06)
    _, k_far = resample(x**2 * 0.49, 100)  # a target ten times as wide
    assert k_far > 0.7
    _, k_same = resample(torch.zeros(4000, dtype=torch.float64), 100)
    assert k_same == -float("inf")


def test_what_is_wrong_is_said() -> None:
    from neurosym.bayes.inference import Draws

    reasoner = model(COIN)
    space = space_of(reasoner.learnable, None)
    apart = torch.stack([torch.rand(50, 1) * 0.1, 0.9 + torch.rand(50, 1) * 0.1]).double()
    warnings = _judged_nuts(space, Draws(apart, divergences=3)).warnings
    assert [w.split()[0:2] for w in warnings] == [["3", "of"], ["the", "chains"], ["the", "samples"]]
    noise = torch.randn(200, generator=torch.Generator().manual_seed(0)).tolist()
    rising = _judged_svi(Draws(apart, elbo=tuple(k + n for k, n in enumerate(noise)), k_hat=0.9))
    assert rising.converged is False and [w.split()[0] for w in rising.warnings] == ["the", "SVI's"]
    settled = _judged_svi(Draws(apart, elbo=tuple(noise), k_hat=0.1))
    assert settled.converged is True and settled.warnings == ()


def test_a_graph_network_that_reads_derived_facts_is_refused() -> None:
    class Reads(torch.nn.Module):
        uses_graph = True
        reads = ("near",)

        def forward(self, graph: object, nodes: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(nodes), 1)

    text = "neural ill(x: any) by net . t(0.5)::near(X, Y) :- link(X, Y). link(a, b). bad(X) :- link(X, _), ill(X)."
    reasoner = model(text, networks={"net": Reads()})
    with pytest.raises(NetworkError) as error:
        fit(reasoner, ns.Batch(("bad(a)",), {"bad(a)": True}))
    assert error.value.code == "NS607"
