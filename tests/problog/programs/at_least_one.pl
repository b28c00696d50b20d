% Existence, its negation and uniqueness.
0.5::p(1). 0.4::p(2). 0.3::p(3).
some :- p(_).
two :- p(X), p(Y), X \= Y.
one :- some, \+ two.
query(some). query(two). query(one).
