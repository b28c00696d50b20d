% Rules that exclude one another through a negated condition.
0.3::sunny.
0.9::happy :- sunny. 0.4::happy :- \+sunny.
evidence(happy).
query(sunny).
