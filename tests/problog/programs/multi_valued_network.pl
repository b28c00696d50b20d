% Multi-valued nodes as disjunctions whose weights depend on the parents.
0.3::grade(low); 0.7::grade(high) :- smart.
0.8::grade(low); 0.2::grade(high) :- \+smart.
0.4::smart.
0.9::letter :- grade(high). 0.2::letter :- grade(low).
evidence(letter).
query(smart). query(grade(X)).
