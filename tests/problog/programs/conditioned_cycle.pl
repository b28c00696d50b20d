% A cycle with two ways in, under evidence.
0.3::x. 0.2::y.
a :- x. a :- b. b :- y. b :- a.
evidence(a). evidence(\+x).
query(b). query(y).
