"""Two explanations as they would come out of real tasks, for the renderers' tests and screenshots."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib

from neurosym.explain.model import (
    Certificate,
    Claim,
    Contribution,
    Explanation,
    Neural,
    Node,
    Proof,
    Provenance,
    RuleText,
    RunnerUp,
    Step,
)

STROKES = {
    3: "0111100 1000010 0000010 0011100 0000010 1000010 0111100",
    4: "0000100 0001100 0010100 0100100 1111110 0000100 0000100",
}


def png(rows: str, scale: int = 4) -> str:
    """A digit drawn in a grid of strokes as a `data:` URI of a grey PNG."""
    lines = [[255 if c == "1" else 12 for c in row for _ in range(scale)] for row in rows.split() for _ in range(scale)]
    raw = b"".join(b"\0" + bytes(line) for line in lines)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(data).decode()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def provenance() -> Provenance:
    return Provenance("0.1.0", digest("rules"), digest("facts"), digest("weights"), "2025-03-04T10:22:31+01:00", 7)


def hashes() -> dict[str, str]:
    return {"rules": digest("rules"), "facts": digest("facts"), "weights": digest("weights")}


# ------------------------------------------------------------------------------------------------- diagnosis

_RULES = (
    RuleText(
        "irregular_and_large",
        "rule irregular_and_large\n  weight 0.90 learn\n  source \"ACR BI-RADS Atlas, 5th ed. (2013), section II.C\"\n"
        "  if   large_nuclei(?m) and irregular_outline(?m)\n  and  not benign_pattern(?m)\n"
        "  then malignant(?m)\n  because \"{m} has large nuclei and an irregular outline, and no benign pattern\" .",
        "knowledge/oncology/tumour.rules", 14, "ACR BI-RADS Atlas, 5th ed. (2013), section II.C", 0.934, True, 0.90,
    ),
    RuleText(
        "several_signs",
        "rule several_signs\n  weight 0.75 learn\n  source \"Wolberg et al., Arch Surg 1995;130:511\"\n"
        "  if   N = count{ S : sign(?m, S) } and N >= 3\n  then malignant(?m)\n"
        "  because \"{N} of the five signs of malignancy are present in {m}\" .",
        "knowledge/oncology/tumour.rules", 27, "Wolberg et al., Arch Surg 1995;130:511", 0.688, True, 0.75,
    ),
    RuleText(
        "like_known_tumours",
        "rule like_known_tumours\n  weight 0.40 learn\n  if   similar(?m, ?k) and confirmed_malignant(?k)\n"
        "  then malignant(?m)\n  because \"{m} resembles {k}, which was confirmed as malignant\" .",
        "knowledge/oncology/tumour.rules", 38, "", 0.352, True, 0.40,
    ),
    RuleText(
        "nuclei_sign", "sign(M, nuclei) :- large_nuclei(M).", "knowledge/oncology/signs.rules", 4, "", None,
    ),
    RuleText(
        "outline_sign", "sign(M, outline) :- irregular_outline(M).", "knowledge/oncology/signs.rules", 5, "", None,
    ),
    RuleText(
        "texture_sign", "sign(M, texture) :- coarse_texture(M).", "knowledge/oncology/signs.rules", 6, "", None,
    ),
)  # fmt: skip


def _nodes() -> dict[str, Node]:
    place = "wdbc.csv:214"
    nodes = [
        Node("n0", "derived", "malignant(ex:m214)", "mass 214 is malignant", 0.9412),
        Node("n1", "neural", "large_nuclei(ex:m214)", "mass 214 has large nuclei", 0.971, place, Neural(
            "nuclei_threshold", "true", (),
            (("radius_worst", "24.99 µm", "cut-off 16.8, slope 1.9"),
             ("area_worst", "1956 µm²", "cut-off 882, slope 0.011")),
        )),
        Node("n2", "neural", "irregular_outline(ex:m214)", "mass 214 has an irregular outline", 0.912, place, Neural(
            "outline_net", "true", (),
            (("concave_points_worst", "0.243", "cut-off 0.142, slope 61"), ("concavity_worst", "0.62", ""),
             ("fractal_dimension_worst", "0.1189", "")),
        )),
        Node("n3", "not", "benign_pattern(ex:m214)", "it is not so that mass 214 shows a benign pattern", 0.966, place,
             Neural("pattern_net", "true", (), (("symmetry_worst", "0.275", "cut-off 0.19"),))),
        Node("n4", "absent", "previous_biopsy(ex:m214, benign)", "no previous biopsy of mass 214 was benign", 1.0,
             "all facts and rules were searched: ward.ttl, wdbc.csv"),
        Node("n5", "choice", "irregular_and_large applies to ex:m214", "the rule irregular_and_large holds here", 0.934,
             "knowledge/oncology/tumour.rules:14"),
        Node("n6", "aggregate", "count = 3", "3 signs of malignancy in mass 214", 0.803),
        Node("n7", "derived", "sign(ex:m214, nuclei)", "mass 214 shows the sign “nuclei”", 0.971),
        Node("n8", "derived", "sign(ex:m214, outline)", "mass 214 shows the sign “outline”", 0.912),
        Node("n9", "derived", "sign(ex:m214, texture)", "mass 214 shows the sign “texture”", 0.907),
        Node("n10", "neural", "coarse_texture(ex:m214)", "mass 214 has a coarse texture", 0.907, place, Neural(
            "texture_net", "true", (), (("texture_worst", "23.41", "cut-off 20.5, slope 0.8"),))),
        Node("n11", "choice", "several_signs applies to ex:m214", "the rule several_signs holds here", 0.688,
             "knowledge/oncology/tumour.rules:27"),
        Node("n12", "neural", "similar(ex:m214, ex:m88)", "mass 214 resembles mass 88", 0.742, "ward.ttl", Neural(
            "similarity_gnn", "true", (),
            (("path", "m214 – tissue type – m88", "restores 61 % of the score"),
             ("path", "m214 – location – quadrant 2 – m88", "restores 23 % of the score")))),
        Node("n13", "data", "confirmed_malignant(ex:m88)", "mass 88 was confirmed as malignant", 1.0, "ward.ttl:1032"),
        Node("n14", "choice", "like_known_tumours applies to ex:m214, ex:m88", "the rule like_known_tumours holds here",
             0.352, "knowledge/oncology/tumour.rules:38"),
    ]  # fmt: skip
    return {node.id: node for node in nodes}


def diagnosis() -> Explanation:
    """A mass judged malignant: rules with neural concepts, a graph network, a count, an absent exception."""
    because = "mass 214 has large nuclei and an irregular outline, and no benign pattern"
    steps = (
        Step("n0", 0, ("n1", "n2", "n3", "n4", "n5"), because, {"m": "mass 214"}),
        Step("n0", 1, ("n6", "n11"), "3 of the five signs of malignancy are present in mass 214",
             {"m": "mass 214", "N": "3"}),
        Step("n6", 1, ("n7", "n8", "n9"), "the signs nuclei, outline and texture are present", {}),
        Step("n7", 3, ("n1",), "mass 214 has large nuclei", {"M": "mass 214"}),
        Step("n8", 4, ("n2",), "mass 214 has an irregular outline", {"M": "mass 214"}),
        Step("n9", 5, ("n10",), "mass 214 has a coarse texture", {"M": "mass 214"}),
        Step("n0", 2, ("n12", "n13", "n14"), "mass 214 resembles mass 88, which was confirmed as malignant",
             {"m": "mass 214", "k": "mass 88"}),
    )  # fmt: skip
    return Explanation(
        claim=Claim(
            "malignant(ex:m214)", "mass 214 is malignant", 0.9412, 0.9412, 0.9412, "exact", "circuit",
            "7 choices, 31 nodes: large_nuclei(ex:m214) has proofs that share choices",
        ),
        proofs=(Proof(0.7989, "n0", (0,)), Proof(0.5525, "n0", (1, 2, 3, 4, 5)), Proof(0.2612, "n0", (6,))),
        nodes=_nodes(),
        steps=steps,
        rules=_RULES,
        contributions=(
            Contribution("rule", "irregular_and_large", "0", 0.7016, 0.2396),
            Contribution("rule", "several_signs", "1", 0.8612, 0.0800),
            Contribution("rule", "like_known_tumours", "2", 0.9204, 0.0208),
            Contribution("leaf", "mass 214 has an irregular outline", "n2", 0.2612, 0.6800),
            Contribution("leaf", "mass 214 has large nuclei", "n1", 0.2612, 0.6800),
            Contribution("leaf", "mass 214 has a coarse texture", "n10", 0.8612, 0.0800),
            Contribution("leaf", "mass 214 resembles mass 88", "n12", 0.9204, 0.0208),
            Contribution("leaf", "mass 88 was confirmed as malignant", "n13", 0.9204, 0.0208),
            Contribution("leaf", "mass 214 shows a benign pattern", "n3", 0.9447, -0.0035),
        ),
        warnings=(
            "3 of 7 proofs are shown; the probability counts all of them",
            "radius_worst of mass 214 lies in the top 1 % of the training data",
        ),
        provenance=provenance(),
        certificate=Certificate(
            0, 0.9412, "exact", [{"atom": "malignant(ex:m214)", "kind": "leaf", "hidden": ""}],
            [{"outcomes": [0], "probabilities": [0.9412], "origin": "net", "kind": "neural"}], [], [], hashes(),
        ),
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------- addition


def addition() -> Explanation:
    """The sum of two digit images."""
    rule = RuleText(
        "addition", "sum(X, Y, Z) :- digit(X, A), digit(Y, B), Z is A + B.", "tasks/mnist_addition/addition.rules", 5,
    )  # fmt: skip
    left = Neural(
        "digit_net", "3", (RunnerUp("8", 0.021), RunnerUp("5", 0.011), RunnerUp("2", 0.004)), (), png(STROKES[3])
    )
    right = Neural("digit_net", "4", (RunnerUp("9", 0.102), RunnerUp("7", 0.009)), (), png(STROKES[4]))
    other = Neural("digit_net", "2", (RunnerUp("3", 0.961), RunnerUp("8", 0.021)), (), png(STROKES[3]))
    nodes = [
        Node("n0", "derived", "sum(a, b, 7)", "the sum of a and b is 7", 0.8524),
        Node("n1", "neural", "digit(a, 3)", "image a shows a 3", 0.961, "input a", left),
        Node("n2", "neural", "digit(b, 4)", "image b shows a 4", 0.887, "input b", right),
        Node("n3", "neural", "digit(a, 2)", "image a shows a 2", 0.004, "input a", other),
        Node("n4", "neural", "digit(b, 5)", "image b shows a 5", 0.001, "input b", right),
    ]
    steps = (
        Step("n0", 0, ("n1", "n2"), "a shows a 3, b shows a 4, and 3 + 4 = 7", {"A": "3", "B": "4"}),
        Step("n0", 0, ("n3", "n4"), "a shows a 2, b shows a 5, and 2 + 5 = 7", {"A": "2", "B": "5"}),
    )
    facts = [
        ("sum(a, b, 7)", "derived"),
        ("digit(a, 3)", "leaf"),
        ("digit(b, 4)", "leaf"),
        ("digit(a, 2)", "leaf"),
        ("digit(b, 5)", "leaf"),
    ]
    return Explanation(
        claim=Claim(
            "sum(a, b, 7)", "the sum of a and b is 7", 0.961 * 0.887 + 0.004 * 0.001, 0.8524, 0.8524, "exact",
            "sum-product", "groundings told apart by digit(a), digit(b)",
        ),
        proofs=(Proof(0.8524, "n0", (0,)), Proof(0.000004, "n0", (1,))),
        nodes={node.id: node for node in nodes},
        steps=steps,
        rules=(rule,),
        contributions=(
            Contribution("rule", "addition", "0", 0.0, 0.8524),
            Contribution("leaf", "image a shows a 3", "n1", 0.000004, 0.8524),
            Contribution("leaf", "image b shows a 4", "n2", 0.000004, 0.8524),
        ),
        warnings=(),
        provenance=provenance(),
        certificate=Certificate(
            0, 0.961 * 0.887 + 0.004 * 0.001, "exact", [{"atom": a, "kind": k, "hidden": ""} for a, k in facts],
            [{"outcomes": [1, 3], "probabilities": [0.961, 0.004], "origin": "digit_net", "kind": "neural"},
             {"outcomes": [2, 4], "probabilities": [0.887, 0.001], "origin": "digit_net", "kind": "neural"}],
            [{"rule": "addition", "part": "", "head": 0, "body": [1, 2], "negated": [], "absent": []},
             {"rule": "addition", "part": "", "head": 0, "body": [3, 4], "negated": [], "absent": []}],
            [], hashes(),
        ),
    )  # fmt: skip
