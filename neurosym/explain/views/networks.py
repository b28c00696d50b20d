"""An explanation's proofs as a networkx graph: facts, the firings of rules between them, and the claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosym.explain.model import Explanation
from neurosym.explain.report.safe import clean
from neurosym.explain.views.names import bottom_up

if TYPE_CHECKING:
    import networkx

CLAIM = "claim"
SUPPORTS, OPPOSES = "supports", "opposes"


def to_networkx(explanation: Explanation) -> networkx.DiGraph:
    """All proofs as one directed acyclic graph, from what is used to what follows.

    `networkx.ancestors(graph, graph.graph["root"])` are the evidence and the firings that the claim rests on, and those
    that speak against it, which lead to a fact held to be false by an edge whose `kind` is "opposes"; that of all other
    edges is "supports".

    Nodes are facts under their ids (`role` "fact", with `kind`, `atom`, `label`, `probability`, `place`), firings
    (`role` "firing", `step:0` and so on, with `rule`, `label`, `file`, `line`, `source`, and `weight` where the rule
    has one) and the claim (`role` "claim"), which the root of each proof leads to. All attributes are text, numbers and
    truth values, without characters that XML cannot hold, so that GraphML, GEXF and JSON take them.

    Raises:
        ExplanationError: NS860, a fact rests on itself, or a part names one that there is not.
    """
    import networkx

    e = explanation
    order = bottom_up(e)
    graph = networkx.DiGraph(root=CLAIM, atom=clean(e.claim.atom), format=e.format)
    for name in order:
        node = e.nodes[name]
        about: dict[str, Any] = {"place": node.place}
        if node.lower is not None and node.upper is not None:
            about |= {"lower": float(node.lower), "upper": float(node.upper)}
        if node.neural is not None:
            about |= {"network": node.neural.network, "value": node.neural.value}
        _add(graph, name, "fact", kind=node.kind, atom=node.atom, label=node.label,
             probability=float(node.probability), **about)  # fmt: skip
    for number, step in enumerate(e.steps):
        rule, name = e.rules[step.rule], f"step:{number}"
        about = {} if rule.weight is None else {"weight": float(rule.weight)}
        about |= {"given": rule.given} if rule.given else {}
        _add(graph, name, "firing", rule=rule.name, label=step.because, file=rule.file, line=rule.line,
             source=rule.source, **about)  # fmt: skip
        graph.add_edges_from(((body, name) for body in step.body), kind=SUPPORTS)
        graph.add_edge(name, step.node, kind=SUPPORTS)
    claim = e.claim
    _add(graph, CLAIM, "claim", atom=claim.atom, label=claim.label, probability=float(claim.probability),
         lower=float(claim.lower), upper=float(claim.upper))  # fmt: skip
    graph.add_edges_from(((proof.root, CLAIM) for proof in e.proofs), kind=SUPPORTS)
    graph.add_edges_from(((n.opposite, n.id) for n in e.nodes.values() if n.opposite), kind=OPPOSES)
    return graph


def _add(graph: networkx.DiGraph, name: str, role: str, **attributes: Any) -> None:
    """A node; text is cleaned of what no file format holds."""
    graph.add_node(name, role=role, **{k: _text(v) for k, v in attributes.items()})


def _text(value: Any) -> Any:
    return clean(value).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd") if isinstance(value, str) else value
