"""What an explanation consists of. Text, JSON and HTML are views of this; nothing is computed when they are made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from neurosym.explain.alternatives import Change, NearMiss, Sought
from neurosym.reasoner.priors import Credible

if TYPE_CHECKING:
    from neurosym.verify import Verification

FORMAT = "neurosym-explanation/1"
CERTIFICATE_FORMAT = "neurosym-certificate/1"

NodeKind = Literal["derived", "data", "neural", "choice", "absent", "aggregate", "not", "assumption"]


@dataclass(frozen=True)
class Claim:
    """What is explained.

    Attributes:
        atom: as the rule language spells it; `label`: the same for people, with rdfs:label names.
        probability: the tag as a number; `lower`, `upper`: bounds, equal to it where the method is exact; where the
            claim rests on unknown atoms, it is their midpoint.
        semantics, method, detail: how it was computed.
        credible: where the probability lies, as far as the weights are known; None without a posterior.
    """

    atom: str
    label: str
    probability: float
    lower: float
    upper: float
    semantics: str
    method: str
    detail: str
    credible: Credible | None = None


@dataclass(frozen=True)
class RunnerUp:
    """Another value that the network held possible."""

    value: str
    probability: float


@dataclass(frozen=True)
class Attribution:
    """Where in its input a network's word comes from, by integrated gradients (Sundararajan, Taly & Yan, ICML 2017).

    Each score is a part of the fact's probability; all of them, those of an image's pixels included, add up to
    `probability` minus `baseline_probability`, but for the gap.

    Attributes:
        baseline: the input that was taken for one that says nothing, in words.
        probability: what the network gives the fact; `baseline_probability`: what it gives it for the baseline.
        gap: the sum of all scores minus the difference of the two: the error of the integration.
        steps: points between baseline and input at which the network was run.
        images: for each image among the inputs its heat map, a `data:image/png;base64,…` URI: orange speaks for the
            fact, blue against it.
        spans: pieces of a text in their order, with their scores.
        columns: (column, value, score) of numbers, largest scores first.
        edges: (triple, weight, score) of the graph that a graph network reads, likewise.
        others: the sum of the scores that are not listed.
        paths: (edges, score, restored) of paths from the node that a graph network was asked about, best first:
            `restored` is the share of the difference between `probability` and `baseline_probability` that the network
            says again where only this path and those before it are kept.
    """

    baseline: str
    probability: float
    baseline_probability: float
    gap: float
    steps: int
    images: tuple[str, ...] = ()
    spans: tuple[tuple[str, float], ...] = ()
    columns: tuple[tuple[str, float, float], ...] = ()
    edges: tuple[tuple[str, float, float], ...] = ()
    others: float = 0.0
    paths: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Neural:
    """What a network said.

    Attributes:
        network: its name; `value`: what it was read as (`true` for a yes-or-no predicate).
        runners_up: the other values, most probable first.
        inputs: the numbers that the network saw, where they are few: (column, value, what the network makes of it, such
            as `cut-off 14.2, slope 3.1`, or an empty string).
        image: a `data:image/png;base64,…` URI of the input, or an empty string.
        attribution: where in the input its word comes from; None where that was not asked for or cannot be told.
    """

    network: str
    value: str
    runners_up: tuple[RunnerUp, ...] = ()
    inputs: tuple[tuple[str, str, str], ...] = ()
    image: str = ""
    attribution: Attribution | None = None


@dataclass(frozen=True)
class Node:
    """A fact in a proof.

    Attributes:
        id: unique in the explanation.
        kind: `derived` by a rule; `data` from the fact base or the rule text; `neural`; `choice`, the firing of a
            weighted rule or fact, or a head of an annotated disjunction; `absent`, an atom that a negated literal
            needs to be absent and that no fact matches; `not`, a possible fact that a negated literal needs false;
            `assumption`, an atom of an `open` predicate that is not among the facts, assumed to hold (or, under a
            negation, not to); `aggregate`, a count or sum with its members as body.
        atom: as the rule language spells it; `label`: a sentence for people.
        probability: of the fact itself in the model (of a `not` node: that it is false); of an `assumption` the
            midpoint of what it can be.
        place: file and line it came from, or what was searched for an `absent` one.
        neural: for `neural` nodes; also for `not` nodes over a neural fact.
        triple: of an atom over RDF, its terms as N-Triples spells them; of a negated one, those of what is not so.
        opposite: of a `not` node, the id of the node on top of the best proof that it is so after all; empty where no
            such proof is told.
        lower, upper: where it rests on unknown atoms and so has no one probability, the bounds of what it can be; else
            None. Under `bounds` what the step leaves of [0, 1], which further steps may narrow.
    """

    id: str
    kind: NodeKind
    atom: str
    label: str
    probability: float
    place: str = ""
    neural: Neural | None = None
    triple: tuple[str, str, str] | None = None
    opposite: str = ""
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Step:
    """One firing of a rule.

    Attributes:
        node: the id of the derived node; `body`: ids of the nodes it rests on, in the order of the rule's literals.
        rule: index into the explanation's rules.
        because: the rule's sentence with its variables filled in; made from the rule itself where it has none.
        substitution: variable → value, as text.
    """

    node: str
    rule: int
    body: tuple[str, ...]
    because: str
    substitution: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RuleText:
    """A rule that a proof used.

    Attributes:
        name: its name, or file:line; `text`: as the expert wrote it; `source`: the citation, or an empty string.
        weight: its current weight, None if certain or calculated (see `given`); learned: whether training set it;
            initial: the expert's; credible: where the weight lies, None without a posterior.
        weights: of the alternatives of a disjunction, which has no one weight, in their order; else none.
        given: the expression that calculates the weight for each firing, as it is written, or an empty string; what it
            comes to is the probability of the firing's choice.
    """

    name: str
    text: str
    file: str
    line: int
    source: str = ""
    weight: float | None = None
    learned: bool = False
    initial: float | None = None
    credible: Credible | None = None
    weights: tuple[float, ...] = ()
    given: str = ""


@dataclass(frozen=True)
class Proof:
    """One way to derive the claim; under `bounds`, how one end of its interval comes about.

    Attributes:
        probability: that all its leaves hold, if what it assumes is so; under `bounds` the end of the interval.
        root: id of the claim's node; `steps`: indices into the explanation's steps, the claim's first.
        assumes: whether it rests on what is unknown.
    """

    probability: float
    root: str
    steps: tuple[int, ...]
    assumes: bool = False


ROUNDING = 1e-12  # of a tag that is computed in two ways


@dataclass(frozen=True)
class Contribution:
    """What a rule or a leaf does to the claim.

    Attributes:
        kind: `rule` or `leaf`; `name`: the rule's name, or the leaf's label (of a `not` node, what it says is not so);
            `reference`: rule index or node id.
        without: the probability of the claim without it; `difference`: claim minus that.
        shapley: its share of claim minus baseline, see `Shares`; `shapley_error`: its standard error where it was
            sampled.
        gradient: probability times the claim's slope in it. None, as for `shapley`, where that was not asked for, and
            for what is certain.
    """

    kind: Literal["rule", "leaf"]
    name: str
    reference: str
    without: float
    difference: float
    shapley: float | None = None
    shapley_error: float | None = None
    gradient: float | None = None

    @classmethod
    def left_out(
        cls, kind: Literal["rule", "leaf"], name: str, reference: str, without: float, claim: float,
        shapley: float | None = None, shapley_error: float | None = None, gradient: float | None = None,
    ) -> Contribution:  # fmt: skip
        """One of a claim whose tag is `claim`; a difference that is rounding alone is none."""
        if abs(claim - without) <= ROUNDING * max(abs(claim), abs(without)):
            without = claim
        return cls(kind, name, reference, without, claim - without, shapley, shapley_error, gradient)


@dataclass(frozen=True)
class Shares:
    """How the claim is shared out among its weighted rules and uncertain leaves: their Shapley values.

    Attributes:
        baseline: the claim with all of them left out; `named`: that in words. The `shapley` of all contributions and
            `rest` add up to claim minus baseline.
        method: `exact`, or `sampled`, from random orders in which they join; evaluations: how often the claim was
            evaluated; seed: of what was drawn.
        rest: the share of all that no shown proof uses, taken together; rest_error: its standard error where it was
            sampled; rest_leaves: how many leaves that is.
    """

    baseline: float
    named: str
    method: Literal["exact", "sampled"]
    evaluations: int
    seed: int | None = None
    rest: float = 0.0
    rest_error: float | None = None
    rest_leaves: int = 0


@dataclass(frozen=True)
class Provenance:
    """Enough to recompute the claim."""

    version: str
    rules_sha256: str
    facts_sha256: str
    weights_sha256: str
    time: str
    seed: int | None = None


@dataclass(frozen=True)
class Certificate:
    """The ground subgraph that the claim rests on; `neurosym.verify` recomputes the claim from it alone.

    Attributes:
        claim: number of the claimed fact in `facts`; `value`: the claimed tag; `semantics`: its name.
        facts: {"atom", "kind": "certain" | "leaf" | "derived" | "open" | "absent", "hidden": what a fact of the engine
            stands for or ""}. A certain fact is given: its tag is one, plus its groundings under `count` and
            `sum-product`. Only a claim that cannot be derived is `absent`. Under `bounds` an atom of an open predicate
            that is not certain is `open`: it may hold without a rule.
        choices: {"outcomes": [fact numbers], "probabilities": [numbers], "origin": a rule's name or a network's,
            "kind": "constant" | "learned" | "neural" | "open"}; outcomes exclude one another, what they leave over is
            'none'. An unknown atom is an `open` choice without probabilities, its origin the predicate.
        groundings: {"rule": name, "statement": index into the program's rules, "part": what of it, "head": fact number,
            "body": [fact numbers], "negated": [fact numbers], "absent": [atoms]}.
        evidence: {"fact": number, "observed": bool}.
        hashes: "rules", "facts", "weights" → SHA-256.
        foreign: the foreign predicates that the groundings' rules call, `distance(+A, +B, -D)`; what their functions
            answered is not in the certificate.
        parts: spelled name of each hidden predicate → [statement, what of it, how many such the statement had before].
        prefixes: under which the atoms are spelled; `inputs`: names of the sample's inputs.
        triples: whether RDF atoms are facts of `triple/3`; `closed`: whether no network was asked.
        bounds: of the value over all truth values of the unknown atoms, where there are some; else None.
        logic: under `bounds`, else None, what constraints add. "units": {"kind": "false" | "true" | "not" | "and" |
            "or" | "implies" | "iff" | "forall" | "exists", "children": [numbers of facts, and from there on of units],
            "exhaustive": of a quantifier, whether no further instance can matter, "weights" and "bias": of a
            connective whose operands are weighted}; "asserted": {"constraint": index among the program's, "label",
            "unit", "least": its least truth, "instance": variable → term, null where all instances together are
            asserted}; "weights": [facts that are weights of rules]; "settings": {"max_rounds", "rounds" that were
            made, "alpha", "slack", "learned": whether operands are weighted}.
    """

    claim: int
    value: float
    semantics: str
    facts: list[dict[str, Any]]
    choices: list[dict[str, Any]]
    groundings: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    hashes: dict[str, str]
    foreign: list[str] = field(default_factory=list)
    format: str = CERTIFICATE_FORMAT
    bounds: tuple[float, float] | None = None
    parts: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    triples: bool = False
    closed: bool = False
    logic: dict[str, Any] | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a claim has its probability.

    Attributes:
        proofs: the best ones, most probable first; they share `nodes` and `steps`. Nodes and steps that no proof leads
            to belong to proofs of the opposite, see `Node`.
        given: what was observed, as sentences; the claim's probability is conditional on it.
        contributions: rules first, then leaves, each by decreasing size of the difference.
        warnings: what the reader should know: cut proofs, unlike comparisons.
        shares: what the Shapley values among the contributions add up to; None where they were not asked for.
        verified: what was confirmed of the certificate when the explanation was made, by `checked`; None where nothing
            could be or nobody looked, empty where it was refuted.
        unverified: what was not looked at; of what was refuted or could not be confirmed, the reason.
        why_not: of a claim under the threshold, the rules that came nearest to it.
        changes: the smallest ones that take the claim across the threshold, where some facts were declared changeable.
        sought: which changes were looked for; None where nobody asked.
    """

    claim: Claim
    proofs: tuple[Proof, ...]
    nodes: dict[str, Node]
    steps: tuple[Step, ...]
    rules: tuple[RuleText, ...]
    contributions: tuple[Contribution, ...]
    warnings: tuple[str, ...]
    provenance: Provenance
    certificate: Certificate
    given: tuple[str, ...] = ()
    format: str = FORMAT
    shares: Shares | None = None
    verified: tuple[str, ...] | None = None
    unverified: tuple[str, ...] = ()
    why_not: tuple[NearMiss, ...] = ()
    changes: tuple[Change, ...] = ()
    sought: Sought | None = None
    origin: ClassVar[Any] = None  # an `Origin`, set on instances by `verification.remember`

    def to_dict(self) -> dict[str, Any]:
        """The explanation as plain data, ready for JSON."""
        return asdict(self)

    def to_json(self, indent: int | None = 2) -> str:
        """The explanation as JSON, full precision."""
        import json

        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Explanation:
        """The explanation that `to_json` wrote; strict.

        Raises:
            ExplanationError: NS860, it is not what the schema says; NS861, it has another format.
        """
        from neurosym.explain.views import explanation_from_json

        return explanation_from_json(text)

    def to_rdf(self, path: str | None = None, format: str | None = None, graph: str | None = None) -> str:
        """The claim with its why as RDF, in PROV-O; written to `path` (atomically) if given.

        Args:
            format: `turtle`, `trig`, `nt`, `nq` or `json-ld`; by default what the path's suffix says, without one
                `turtle`.
            graph: IRI of a named graph that the claim's triple is stated in; then the default format is `trig`.

        Raises:
            ExplanationError: NS862, a format that is not written, or a suffix of none; NS830, the file cannot be.
        """
        from neurosym.explain.views import to_rdf

        return to_rdf([self], path, format, graph)

    def to_networkx(self) -> Any:
        """The proofs as a `networkx.DiGraph` from evidence to claim; see `neurosym.explain.views.networks`."""
        from neurosym.explain.views.networks import to_networkx

        return to_networkx(self)

    def to_pyg(self, answers: Any, node: str | None = None, sample: int = 0) -> Any:
        """What a graph network's word, or a claim of rules alone, rests on, as a `torch_geometric.explain.Explanation`.

        With PyG's own figures: `fidelity` and `unfaithfulness`. See `neurosym.explain.views.pyg`.

        Args:
            answers: those that were explained: an explanation is data, and the networks are theirs.
            node: id of the leaf; by default the most probable one that a graph network decided, if there is one.

        Raises:
            ExplanationError: NS863, the explanation has no such view.
        """
        from neurosym.explain.views.pyg import to_pyg

        return to_pyg(self, answers, node, sample)

    def to_text(self) -> str:
        """The explanation for a terminal or a log."""
        from neurosym.explain.report.text import explanation_text

        return explanation_text(self)

    def to_html(self, path: str | None = None) -> str:
        """The explanation as one self-contained page; written to `path` (atomically) if given.

        Raises:
            ExplanationError: the file cannot be written.
        """
        from neurosym.explain.report import explanation_html, write_page

        page = explanation_html(self)
        if path is not None:
            write_page(path, page)
        return page

    def verify(self, contributions: bool = False) -> Verification:
        """Check the explanation, by code that shares nothing with the engine.

        The claim is recomputed from the certificate, and what is shown must be what is certified. In the process that
        made the explanation, each step and sentence is checked against the rules and the facts as well; one that was
        read from a file does not know them.

        Args:
            contributions: recompute the claim without each rule and leaf, too, where that takes no grounding.

        Raises:
            ExplanationError: the recomputed number differs from the claim, the certificate is malformed, or rules and
                facts say otherwise.
        """
        from neurosym.explain.verification import verify_explanation

        return verify_explanation(self, contributions)

    def __getstate__(self) -> dict[str, Any]:
        """What is copied and pickled: all but what the explanation was made from."""
        return {k: v for k, v in self.__dict__.items() if k != "origin"}

    def checked(self) -> Explanation:
        """The same explanation, verified: its views say what was confirmed, or that it does not verify."""
        from neurosym.explain.verification import checked

        return checked(self)[0]

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        """The page in a frame of its own: its styles and a notebook's cannot meet."""
        from neurosym.explain.report import framed_html

        return framed_html(self)
