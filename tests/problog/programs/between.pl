% The generator between/3.
p(X) :- between(1,4,X).
0.5::q(X) :- between(2,3,X).
r(Y) :- between(1,3,X), Y is X*X, Y > 2.
query(p(_)). query(q(_)). query(r(_)).
