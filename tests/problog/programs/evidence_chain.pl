% Evidence on the head of a recursive predicate.
0.6::e(1,2). 0.5::e(2,3). 0.2::e(1,3).
p(X,Y) :- e(X,Y). p(X,Y) :- e(X,Z), p(Z,Y).
evidence(p(1,3)).
query(e(1,2)). query(e(2,3)). query(e(1,3)).
