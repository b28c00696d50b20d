"""The part of LUBM's ontology that OWL RL can use, as axioms, and the rules that they become.

Written from the description in Guo, Pan and Heflin, "LUBM: a benchmark for OWL knowledge base systems", 2005.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

from neurosym.lang.terms import OWL, RDF, RDFS, Iri

UB = "http://benchmark.example/univ#"

SUBCLASS = {
    "Employee": "Person", "Student": "Person", "TeachingAssistant": "Person", "GraduateStudent": "Person",
    "Chair": "Professor", "Director": "Person", "UndergraduateStudent": "Student", "ResearchAssistant": "Student",
    "Faculty": "Employee", "AdministrativeStaff": "Employee", "Professor": "Faculty", "Lecturer": "Faculty",
    "PostDoc": "Faculty", "FullProfessor": "Professor", "AssociateProfessor": "Professor",
    "AssistantProfessor": "Professor", "VisitingProfessor": "Professor", "University": "Organization",
    "Department": "Organization", "ResearchGroup": "Organization", "Program": "Organization", "Course": "Work",
    "Research": "Work", "GraduateCourse": "Course", "Article": "Publication", "Book": "Publication",
    "JournalArticle": "Article", "ConferencePaper": "Article", "TechnicalReport": "Article",
}  # fmt: skip
SUBPROPERTY = {
    "headOf": "worksFor", "worksFor": "memberOf", "doctoralDegreeFrom": "degreeFrom",
    "mastersDegreeFrom": "degreeFrom", "undergraduateDegreeFrom": "degreeFrom",
}  # fmt: skip
DOMAIN = {
    "advisor": "Person", "degreeFrom": "Person", "hasAlumnus": "University", "member": "Organization",
    "publicationAuthor": "Publication", "subOrganizationOf": "Organization", "teacherOf": "Faculty",
    "teachingAssistantOf": "TeachingAssistant", "emailAddress": "Person", "telephone": "Person",
}  # fmt: skip
RANGE = {
    "advisor": "Professor", "degreeFrom": "University", "hasAlumnus": "Person", "member": "Person",
    "publicationAuthor": "Person", "subOrganizationOf": "Organization", "teacherOf": "Course",
    "teachingAssistantOf": "Course",
}  # fmt: skip
INVERSE = {"degreeFrom": "hasAlumnus", "memberOf": "member"}
TRANSITIVE = ("subOrganizationOf",)
# class ≡ Person ⊓ ∃ property . class
DEFINED = {
    "Chair": ("headOf", "Department"), "Director": ("headOf", "Program"), "Employee": ("worksFor", "Organization"),
    "Student": ("takesCourse", "Course"), "TeachingAssistant": ("teachingAssistantOf", "Course"),
}  # fmt: skip
OBJECT_PROPERTIES = (
    "takesCourse", "advisor", "degreeFrom", "hasAlumnus", "member", "memberOf", "worksFor", "headOf",
    "doctoralDegreeFrom", "mastersDegreeFrom", "undergraduateDegreeFrom", "publicationAuthor", "subOrganizationOf",
    "teacherOf", "teachingAssistantOf",
)  # fmt: skip

# Table 4 to 9 of the OWL 2 RL profile, as far as the axioms above need it; an intersection has two members.
TRIPLE_RULES = """
triple(X, {type}, D) :- triple(C, {subClassOf}, D), triple(X, {type}, C).
triple(X, Q, Y) :- triple(P, {subPropertyOf}, Q), triple(X, P, Y).
triple(X, {type}, C) :- triple(P, {domain}, C), triple(X, P, _).
triple(Y, {type}, C) :- triple(P, {range}, C), triple(_, P, Y).
triple(Y, Q, X) :- triple(P, {inverseOf}, Q), triple(X, P, Y).
triple(Y, P, X) :- triple(P, {inverseOf}, Q), triple(X, Q, Y).
triple(X, P, Z) :- triple(P, {type}, {TransitiveProperty}), triple(X, P, Y), triple(Y, P, Z).
triple(X, {type}, D) :- triple(C, {equivalentClass}, D), triple(X, {type}, C).
triple(X, {type}, C) :- triple(C, {equivalentClass}, D), triple(X, {type}, D).
triple(X, {type}, R) :- triple(R, {someValuesFrom}, C), triple(R, {onProperty}, P), triple(X, P, Y),
                        triple(Y, {type}, C).
triple(X, {type}, C) :- triple(C, {intersectionOf}, L), triple(L, {first}, A), triple(L, {rest}, M),
                        triple(M, {first}, B), triple(X, {type}, A), triple(X, {type}, B).
triple(X, {type}, A) :- triple(C, {intersectionOf}, L), triple(L, {first}, A), triple(X, {type}, C).
triple(X, {type}, B) :- triple(C, {intersectionOf}, L), triple(L, {rest}, M), triple(M, {first}, B),
                        triple(X, {type}, C).
"""
VOCABULARY = {
    name: base + name
    for base, names in {
        RDF: "type first rest nil",
        RDFS: "subClassOf subPropertyOf domain range",
        OWL: "inverseOf TransitiveProperty equivalentClass someValuesFrom onProperty intersectionOf Restriction "
        "ObjectProperty",
    }.items()
    for name in names.split()
}


def rules(cls: Callable[[str], str], prop: Callable[[str], str]) -> str:
    """The axioms as clauses over one predicate for each class and property, named by the two functions."""
    lines = [f"{cls(d)}(X) :- {cls(c)}(X)." for c, d in SUBCLASS.items()]
    lines += [f"{prop(q)}(X, Y) :- {prop(p)}(X, Y)." for p, q in SUBPROPERTY.items()]
    lines += [f"{cls(c)}(X) :- {prop(p)}(X, _)." for p, c in DOMAIN.items()]
    lines += [f"{cls(c)}(Y) :- {prop(p)}(_, Y)." for p, c in RANGE.items()]
    for p, q in INVERSE.items():
        lines += [f"{prop(q)}(Y, X) :- {prop(p)}(X, Y).", f"{prop(p)}(Y, X) :- {prop(q)}(X, Y)."]
    lines += [f"{prop(p)}(X, Z) :- {prop(p)}(X, Y), {prop(p)}(Y, Z)." for p in TRANSITIVE]
    for c, (p, d) in DEFINED.items():
        lines += [
            f"{cls(c)}(X) :- {cls('Person')}(X), {prop(p)}(X, Y), {cls(d)}(Y).",
            f"{cls('Person')}(X) :- {cls(c)}(X).",
        ]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def schema() -> Iterator[tuple[Iri, Iri, Iri]]:
    """The axioms as triples; list cells, restrictions and intersections have names where OWL has blank nodes."""
    named = lambda name: Iri(UB + name)  # noqa: E731
    word = {name: Iri(iri) for name, iri in VOCABULARY.items()}
    for relation, axioms in (("subClassOf", SUBCLASS), ("subPropertyOf", SUBPROPERTY), ("domain", DOMAIN),
                             ("range", RANGE), ("inverseOf", INVERSE)):  # fmt: skip
        yield from ((named(a), word[relation], named(b)) for a, b in axioms.items())
    yield from ((named(p), word["type"], word["TransitiveProperty"]) for p in TRANSITIVE)
    yield from ((named(p), word["type"], word["ObjectProperty"]) for p in OBJECT_PROPERTIES)
    numbers = count()
    for c, (p, d) in DEFINED.items():
        both, restriction, first, second = (named(f"node{next(numbers)}") for _ in range(4))
        yield named(c), word["equivalentClass"], both
        yield both, word["intersectionOf"], first
        yield first, word["first"], named("Person")
        yield first, word["rest"], second
        yield second, word["first"], restriction
        yield second, word["rest"], word["nil"]
        yield restriction, word["type"], word["Restriction"]
        yield restriction, word["onProperty"], named(p)
        yield restriction, word["someValuesFrom"], named(d)
