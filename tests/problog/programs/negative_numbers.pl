% Negative numbers, written with and without a space.
p(-1). p(- 2). p(-0.5). q(X) :- p(X), X < -0.7.
0.5::r(-3).
query(p(_)). query(q(_)). query(r(_)).
