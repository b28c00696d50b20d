% A disjunction that leaves something over: no head may hold.
0.2::one; 0.3::two; 0.1::three.
none :- \+one, \+two, \+three.
query(one). query(two). query(none).
