% Negation of a negation, and negation of a derived atom.
0.3::a.
p :- \+ \+ a.
q :- \+ p.
query(p). query(q).
