% Both forms of negative evidence.
0.1::b. 0.2::e.
0.9::a :- b. 0.3::a :- e.
0.7::m :- a. 0.6::j :- a.
evidence(\+m). evidence(j,false).
query(b). query(e). query(a).
