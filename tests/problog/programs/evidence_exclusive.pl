% Evidence on a head of a disjunction excludes the others.
0.2::a; 0.3::b; 0.5::c.
0.5::d :- b. 0.1::d :- c.
evidence(\+a). evidence(d).
query(a). query(b). query(c).
