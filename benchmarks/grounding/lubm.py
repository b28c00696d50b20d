"""A university like LUBM's: about 104,000 triples, and the OWL RL closure over them by two kinds of rules.

The profile of departments, people, courses and publications is that of Guo, Pan and Heflin, "LUBM: a benchmark for OWL
knowledge base systems", 2005; the generator is our own, so that counts differ from those of the original data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmarks.grounding.case import Case, Key, Rows
from benchmarks.grounding.ontology import TRIPLE_RULES, UB, VOCABULARY, rules, schema
from neurosym.facts import RDF_TYPE
from neurosym.lang.terms import Iri, Value, predicate_of_iri

FACULTY = {  # number in a department, publications of each
    "FullProfessor": ((7, 10), (15, 20)),
    "AssociateProfessor": ((10, 14), (10, 18)),
    "AssistantProfessor": ((8, 11), (5, 10)),
    "Lecturer": ((5, 7), (0, 5)),
}


class University:
    """Triples of one university, drawn with a seed."""

    def __init__(self, number: int, departments: int) -> None:
        self.rng = np.random.default_rng(number)
        self.triples: list[tuple[Value, Iri, Value]] = []
        self.name = self.thing("University", f"university{number}")
        for k in range(departments):
            self.department(f"u{number}.d{k}")

    def between(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def say(self, subject: Value, relation: str, value: Value) -> None:
        self.triples.append((subject, Iri(UB + relation), value))

    def thing(self, kind: str, name: str) -> Iri:
        iri = Iri(f"http://benchmark.example/{name}")
        self.triples.append((iri, Iri(RDF_TYPE), Iri(UB + kind)))
        return iri

    def some(self, among: list[Iri], low: int, high: int) -> list[Iri]:
        return [among[k] for k in self.rng.choice(len(among), min(self.between(low, high), len(among)), replace=False)]

    def person(self, kind: str, name: str, degrees: Iterable[str] = ()) -> Iri:
        person = self.thing(kind, name)
        self.say(person, "name", name)
        self.say(person, "emailAddress", f"{name}@benchmark.example")
        self.say(person, "telephone", f"+00 {self.between(0, 10**9)}")
        for degree in degrees:
            self.say(person, degree, Iri(f"http://benchmark.example/university{self.between(0, 999)}"))
        return person

    def department(self, name: str) -> None:
        department = self.thing("Department", name)
        self.say(department, "subOrganizationOf", self.name)
        groups = [self.thing("ResearchGroup", f"{name}.group{k}") for k in range(self.between(10, 20))]
        for group in groups:
            self.say(group, "subOrganizationOf", department)
        professors, everyone, written = self.faculty(name, department)
        courses = [self.thing("Course", f"{name}.course{k}") for k in range(self.between(1, 2) * len(everyone))]
        seminars = [
            self.thing("GraduateCourse", f"{name}.seminar{k}") for k in range(self.between(1, 2) * len(everyone))
        ]
        for k, course in enumerate(courses + seminars):
            self.say(everyone[k % len(everyone)], "teacherOf", course)
        self.undergraduates(name, department, self.between(8, 14) * len(everyone), courses, professors)
        students = self.graduates(name, department, self.between(3, 4) * len(everyone), seminars, professors, written)
        assistants = self.some(courses, len(students) // 5, len(students) // 4)
        for student, course in zip(self.rng.permutation(len(students)), assistants, strict=False):
            self.say(students[student], "teachingAssistantOf", course)
        for student in self.some(students, len(students) // 4, len(students) // 3):
            self.say(student, "worksFor", groups[self.between(0, len(groups) - 1)])

    def faculty(self, name: str, department: Iri) -> tuple[list[Iri], list[Iri], list[Iri]]:
        """Professors, all who teach, and their publications."""
        professors, everyone, written = [], [], []
        for kind, (size, papers) in FACULTY.items():
            for k in range(self.between(*size)):
                who = f"{name}.{kind}{k}"
                person = self.person(
                    kind, who, ("undergraduateDegreeFrom", "mastersDegreeFrom", "doctoralDegreeFrom")
                )  # fmt: skip
                self.say(person, "worksFor", department)
                self.say(person, "researchInterest", f"interest {self.between(0, 29)}")
                if kind != "Lecturer":
                    professors.append(person)
                everyone.append(person)
                for p in range(self.between(*papers)):
                    paper = self.thing("JournalArticle" if p % 3 else "ConferencePaper", f"{who}.paper{p}")
                    self.say(paper, "name", f"{who}.paper{p}")
                    self.say(paper, "publicationAuthor", person)
                    written.append(paper)
        self.say(professors[0], "headOf", department)
        return professors, everyone, written

    def undergraduates(self, name: str, department: Iri, n: int, courses: list[Iri], professors: list[Iri]) -> None:
        for k in range(n):
            student = self.person("UndergraduateStudent", f"{name}.undergraduate{k}")
            self.say(student, "memberOf", department)
            for course in self.some(courses, 2, 4):
                self.say(student, "takesCourse", course)
            if k % 5 == 0:
                self.say(student, "advisor", professors[self.between(0, len(professors) - 1)])

    def graduates(
        self, name: str, department: Iri, n: int, courses: list[Iri], professors: list[Iri], written: list[Iri]
    ) -> list[Iri]:
        students = []
        for k in range(n):
            student = self.person("GraduateStudent", f"{name}.graduate{k}", ("undergraduateDegreeFrom",))
            self.say(student, "memberOf", department)
            self.say(student, "advisor", professors[self.between(0, len(professors) - 1)])
            for course in self.some(courses, 1, 3):
                self.say(student, "takesCourse", course)
            for paper in self.some(written, 0, 5):
                self.say(paper, "publicationAuthor", student)
            students.append(student)
        return students


def _columns(triples: Iterable[tuple[Value, Iri, Value]]) -> tuple[list[Value], dict[Key, Rows]]:
    """Distinct terms, and the rows of each class and property as indices into them."""
    number: dict[Value, int] = {}
    rows: dict[Key, dict[tuple[int, ...], None]] = defaultdict(dict)
    for s, p, o in triples:
        pair = number.setdefault(s, len(number)), number.setdefault(o, len(number))
        if p.value == RDF_TYPE and isinstance(o, Iri):
            rows[predicate_of_iri(o.value), 1][pair[:1]] = None
        else:
            rows[predicate_of_iri(p.value), 2][pair] = None
    return list(number), {key: np.array(list(r), np.int32) for key, r in rows.items()}


def university(quick: bool = False) -> list[tuple[Value, Iri, Value]]:
    """Fifteen departments as in LUBM(1, 0), about 104,000 triples, or a single one."""
    return University(0, departments=1 if quick else 15).triples


def lubm(quick: bool = False) -> Case:
    """The closure by one predicate for each class and property."""
    terms, tables = _columns(university(quick))
    name = lambda word: predicate_of_iri(UB + word)  # noqa: E731
    cls, prop = (lambda word: f"c_{word}"), (lambda word: f"p_{word}")
    names = {key[0]: (cls if key[1] == 1 else prop)(key[0][1:-1].removeprefix(UB)) for key in tables}
    return Case("lubm", rules(name, name), tables, terms, asp=rules(cls, prop), asp_names=names)


def lubm_triples(quick: bool = False) -> Case:
    """The closure by thirteen rules over `triple(S, P, O)`, the axioms being triples too."""
    terms, tables = _columns([*university(quick), *schema()])
    known = {term: k for k, term in enumerate(terms)}
    relations = {Iri(RDF_TYPE), *(Iri(key[0][1:-1]) for key in tables)}
    terms += [term for term in sorted(relations, key=lambda t: t.value) if term not in known]
    known |= {term: k for k, term in enumerate(terms)}
    spelled = lambda numbered: {w: str(known[Iri(i)]) if numbered else f"<{i}>" for w, i in VOCABULARY.items()}  # noqa: E731
    columns = []
    for (name, arity), rows in tables.items():
        constant = np.full(len(rows), known[Iri(name[1:-1])], np.int32)
        kind = np.full(len(rows), known[Iri(RDF_TYPE)], np.int32)
        columns.append(np.stack([rows[:, 0], kind, constant] if arity == 1 else [rows[:, 0], constant, rows[:, 1]], 1))
    return Case(
        "lubm triple/3",
        TRIPLE_RULES.format(**spelled(False)),
        tables,
        terms,
        asp=TRIPLE_RULES.format(**spelled(True)),
        asp_tables={("triple", 3): np.concatenate(columns)},
    )
