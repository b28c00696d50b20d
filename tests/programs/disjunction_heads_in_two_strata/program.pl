0.4::a; 0.3::b.
b :- \+a.
0.3::c(X); 0.3::d(X); 0.2::e(X) :- coin(X).
d(X) :- coin(X), \+c(X).
e(X) :- coin(X), \+d(X).
coin(1).
query(a).
query(b).
query(d(X)).
query(e(X)).
