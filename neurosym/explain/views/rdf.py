"""Explanations as triples: PROV-O for what came of what, and the proof beside it.

A claim and each fact of a proof is a `prov:Entity`, each firing of a rule a `prov:Activity` that used facts by the plan
that the rule is. Names are skolem IRIs made of the content (`names`), so that any number of explanations may be loaded
into one graph.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from neurosym.errors import ExplanationError, FactError
from neurosym.explain.model import Contribution, Credible, Explanation, Neural, Node, RuleText
from neurosym.explain.views import vocabulary as v
from neurosym.explain.views.names import Names
from neurosym.explain.views.vocabulary import own, prov
from neurosym.lang.terms import XSD, Iri, TypedLiteral, Value

Quad = tuple[Value, Value, Value, Iri | None]
SOFTWARE = Iri("urn:neurosym:software")  # which fires rules; a firing is the same in each version of it
_WEB = re.compile(r"(https?://|doi:|urn:)\S+\Z", re.I)


def to_rdf(
    explanations: Iterable[Explanation],
    path: str | os.PathLike[str] | None = None,
    format: str | None = None,
    graph: str | None = None,
    threshold: float | None = None,
) -> str:
    """Explanations as RDF, each with its provenance; the same explanations give the same text, in any order.

    A claim that is a triple (`ex:ill(ex:p)`, `ex:causes(ex:a, ex:b)`) is stated as that triple as well, so that a
    triple store has what was derived together with its why. Other claims are told by their atoms only.

    Args:
        path: a file, written whole or not at all.
        format: `turtle`, `trig`, `nt`, `nq` or `json-ld`; by default what the path's suffix says; where it has
            none `turtle`, or `trig` with a named graph.
        graph: IRI of a named graph for the derived triples; their provenance stays in the default graph.
        threshold: claims of a lower probability (`lower`, where it is an interval) are described, and not stated. By
            default those of probability 0.

    Raises:
        ExplanationError: NS860, an explanation that contradicts itself; NS862, a format that is not written, or a
            suffix of none; NS830, the file cannot be.
    """
    from neurosym.explain.report import write_page
    from neurosym.facts.rdf import write_rdf

    named = suffix_format(path) if path is not None and format is None else ""
    chosen = format or named or ("trig" if graph else "turtle")
    quads = [quad for e in explanations for quad in explanation_quads(e, graph, threshold)]
    try:
        text = write_rdf(quads, chosen, v.PREFIXES)
    except FactError as error:
        raise ExplanationError(error.message, code="NS862", help=error.help) from None
    if path is not None:
        write_page(path, text)
    return text


def suffix_format(path: str | os.PathLike[str]) -> str:
    """The format that a path's suffix says; an empty string where it has none.

    Raises:
        ExplanationError: NS862, a suffix of something else: who opens `claim.pdf` expects no RDF in it.
    """
    from neurosym.facts.rdf import WRITTEN

    suffix = Path(path).suffix.lower()
    if suffix and suffix[1:] not in WRITTEN:
        raise ExplanationError(
            f"RDF is not written as `{suffix}`, the suffix of {path}", code="NS862",
            help="write .ttl, .trig, .nt, .nq or .jsonld, or name the format",
        )  # fmt: skip
    return suffix[1:]


def explanation_quads(explanation: Explanation, graph: str | None = None, threshold: float | None = None) -> list[Quad]:
    """The triples of one explanation; see `to_rdf`."""
    return _Writer(explanation).quads(graph, threshold)


class _Writer:
    """Collects the triples of one explanation."""

    def __init__(self, explanation: Explanation) -> None:
        self.e = explanation
        self.names = Names(explanation)
        self.found: list[Quad] = []

    def add(self, subject: Iri, predicate: Iri, *objects: Value | None) -> None:
        """Triples of one subject and predicate; what is not known is not said."""
        self.found.extend((subject, predicate, o, None) for o in objects if o is not None and o != "")

    def quads(self, graph: str | None, threshold: float | None) -> list[Quad]:
        e, names = self.e, self.names
        for rule, iri in zip(e.rules, names.rules, strict=True):
            self.rule(iri, rule)
        for name, iri in names.facts.items():
            self.fact(iri, e.nodes[name])
            if e.nodes[name].opposite:
                self.add(names.facts[e.nodes[name].opposite], own("opposes"), iri)
        for number in range(len(e.steps)):
            self.firing(number)
        self.add(SOFTWARE, v.TYPE, prov("SoftwareAgent"), prov("Agent"))
        self.add(SOFTWARE, v.LABEL, "neurosym")
        self.claim()
        self.explanation()
        self.state(graph, threshold)
        return self.found

    # ------------------------------------------------------------------------------------------------- the proof

    def rule(self, iri: Iri, rule: RuleText) -> None:
        """A rule, the plan of its firings."""
        self.add(iri, v.TYPE, prov("Plan"), prov("Entity"), own("Rule"))
        self.add(iri, v.LABEL, rule.name)
        self.add(iri, own("text"), rule.text)
        self.add(iri, own("file"), rule.file)
        self.add(iri, own("line"), rule.line)
        self.add(iri, v.CITATION, rule.source)
        self.add(iri, v.SOURCE, Iri(rule.source) if _WEB.match(rule.source) else None)
        self.add(iri, own("weight"), rule.weight)
        self.add(iri, own("givenBy"), rule.given)
        self.add(iri, own("initialWeight"), rule.initial)
        self.add(iri, own("learned"), rule.learned)
        self.credible(iri, rule.credible)

    def credible(self, iri: Iri, interval: Credible | None) -> None:
        """A credible interval of a weight or a claim."""
        if interval is not None:
            for name in ("lower", "upper", "level"):
                self.add(iri, own(f"credible{name.title()}"), getattr(interval, name))

    def fact(self, iri: Iri, node: Node) -> None:
        """A fact of a proof, whatever it rests on."""
        self.add(iri, v.TYPE, prov("Entity"), own("Fact"))
        self.add(iri, v.LABEL, node.label)
        self.add(iri, own("atom"), node.atom)
        self.add(iri, own("kind"), node.kind)
        self.add(iri, own("probability"), float(node.probability))
        self.add(iri, own("lower"), node.lower)
        self.add(iri, own("upper"), node.upper)
        self.add(iri, own("place"), node.place)
        self.add(iri, own("denies" if denied(node) else "statement"), self.statement(node))
        if node.neural is not None:
            self.neural(iri, node.neural)

    def neural(self, iri: Iri, neural: Neural) -> None:
        """What a network said: the network is the agent that a fact is attributed to."""
        network = Iri("urn:neurosym:network:" + quote(neural.network, safe="", errors="replace"))
        self.add(network, v.TYPE, prov("SoftwareAgent"), prov("Agent"))
        self.add(network, v.LABEL, neural.network)
        self.add(iri, prov("wasAttributedTo"), network)
        self.add(iri, own("value"), neural.value)
        for runner in neural.runners_up:
            other = self.names.part("alternative", iri.value, runner.value, runner.probability)
            self.add(iri, own("alternative"), other)
            self.add(other, v.TYPE, own("Alternative"))
            self.add(other, own("value"), runner.value)
            self.add(other, own("probability"), float(runner.probability))

    def statement(self, node: Node) -> Iri | None:
        """The triple that a fact is, as an rdf:Statement: it is described, and not stated."""
        terms = self.triple(node)
        if terms is None:
            return None
        iri = self.names.part("statement", node.triple)
        self.add(iri, v.TYPE, v.STATEMENT)
        for predicate, term in zip((v.SUBJECT, v.PREDICATE, v.OBJECT), terms, strict=True):
            self.add(iri, predicate, term)
        return iri

    def triple(self, node: Node) -> tuple[Value, Value, Value] | None:
        """The terms of the triple that a fact is."""
        from neurosym.facts.rdf import read_triple

        if node.triple is None:
            return None
        try:
            return read_triple(node.triple)
        except ValueError as error:
            raise ExplanationError(f"node {node.id} of the explanation: {error}", code="NS860") from None

    def firing(self, number: int) -> None:
        """One firing of a rule, which used facts to generate one."""
        step, iri = self.e.steps[number], self.names.firings[number]
        made, rule = self.names.facts[step.node], self.names.rules[step.rule]
        body = [self.names.facts[b] for b in step.body]
        self.add(iri, v.TYPE, prov("Activity"), own("Firing"))
        self.add(iri, v.LABEL, step.because)
        self.add(iri, prov("used"), *body)
        self.add(iri, own("binding"), *(f"{name} = {value}" for name, value in step.substitution.items()))
        self.add(made, prov("wasGeneratedBy"), iri)
        self.add(made, prov("wasDerivedFrom"), *body)
        association = self.names.part("association", iri.value, rule.value)
        self.add(iri, prov("qualifiedAssociation"), association)
        self.add(association, v.TYPE, prov("Association"))
        self.add(association, prov("hadPlan"), rule)
        self.add(association, prov("agent"), SOFTWARE)
        self.add(iri, prov("wasAssociatedWith"), SOFTWARE)

    # ------------------------------------------------------------------------------------------------- the claim

    def claim(self) -> None:
        """The claim, derived from the root of each proof that is shown."""
        e, iri, claim = self.e, self.names.claim, self.e.claim
        roots = list(dict.fromkeys(p.root for p in e.proofs))
        self.add(iri, v.TYPE, prov("Entity"), own("Claim"))
        self.add(iri, v.LABEL, claim.label)
        for name in ("atom", "semantics", "method", "detail"):
            self.add(iri, own(name), getattr(claim, name))
        for name in ("probability", "lower", "upper"):
            self.add(iri, own(name), float(getattr(claim, name)))
        self.credible(iri, claim.credible)
        self.add(iri, own("given"), *e.given)
        self.add(iri, prov("wasDerivedFrom"), *(self.names.facts[r] for r in roots))
        for root in (e.nodes[r] for r in roots):
            self.add(iri, own("denies" if denied(root) else "statement"), self.statement(root))

    def explanation(self) -> None:
        """The explanation itself: its proofs, contributions and hashes, and when it was made."""
        e, iri, made = self.e, self.names.explanation, self.e.provenance
        self.add(iri, v.TYPE, prov("Entity"), own("Explanation"))
        self.add(iri, own("explains"), self.names.claim)
        self.add(iri, prov("wasDerivedFrom"), self.names.claim)
        self.add(iri, prov("wasAttributedTo"), SOFTWARE)
        self.add(iri, prov("generatedAtTime"), TypedLiteral(made.time, XSD + "dateTime"))
        self.add(iri, own("version"), made.version)
        self.add(iri, own("seed"), made.seed)
        for name in ("rules", "facts", "weights"):
            self.add(iri, own(f"{name}Hash"), getattr(made, f"{name}_sha256"))
        self.add(iri, own("certificateHash"), certificate_hash(e))
        self.add(iri, own("warning"), *e.warnings)
        for rank, proof in enumerate(e.proofs, 1):
            part = self.names.part("proof", iri.value, rank)
            self.add(iri, own("proof"), part)
            self.add(part, v.TYPE, prov("Entity"), own("Proof"))
            self.add(part, own("rank"), rank)
            self.add(part, own("root"), self.names.facts[proof.root])
            self.add(part, own("probability"), float(proof.probability))
            self.add(part, own("assumes"), proof.assumes)
        for number, contribution in enumerate(e.contributions):
            self.contribution(iri, self.names.part("contribution", iri.value, number), contribution)

    def contribution(self, iri: Iri, part: Iri, c: Contribution) -> None:
        """What leaving out a rule or a leaf does to the claim."""
        about: Sequence[Iri] = ()
        if c.kind == "rule" and c.reference.isdecimal() and int(c.reference) < len(self.names.rules):
            about = (self.names.rules[int(c.reference)],)
        elif c.kind == "leaf" and c.reference in self.names.facts:
            about = (self.names.facts[c.reference],)
        self.add(iri, own("contribution"), part)
        self.add(part, v.TYPE, own("Contribution"))
        self.add(part, v.LABEL, c.name)
        self.add(part, own("about"), *about)
        self.add(part, own("without"), float(c.without))
        self.add(part, own("difference"), float(c.difference))

    def state(self, graph: str | None, threshold: float | None) -> None:
        """State the claim's triple, in a named graph or beside its provenance."""
        e = self.e
        enough = e.claim.lower > 0 if threshold is None else e.claim.lower >= threshold
        where = None if graph is None else Iri(graph)
        for root in dict.fromkeys(p.root for p in e.proofs):
            terms = self.triple(e.nodes[root])
            if terms is not None and enough and not denied(e.nodes[root]):
                self.found.append((*terms, where))


def denied(node: Node) -> bool:
    """Whether a node says that an atom does not hold."""
    return node.kind in ("not", "absent") or (node.kind == "assumption" and node.atom.startswith("not "))


def certificate_hash(explanation: Explanation) -> str:
    """SHA-256 of the certificate's JSON with sorted keys and no spaces: ties the triples to the JSON."""
    text = json.dumps(vars(explanation.certificate), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
