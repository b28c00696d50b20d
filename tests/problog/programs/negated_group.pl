% Negation of a conjunction and of a disjunction.
0.5::a. 0.4::b. 0.3::c.
p :- \+ (a, b).
q :- \+ (a ; b).
r :- c, \+ (a, \+ b).
query(p). query(q). query(r).
