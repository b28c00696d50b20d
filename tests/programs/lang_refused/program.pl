:- use_module(library(lists)).
p(a).
l(X) :- p(X), member(X, [a, b]).
f(X) :- p(X), q(g(X)).
c(X) :- p(X), !.
s(X) :- p(X), assert(q(X)).
\+ n(X) :- p(X).
b(L) :- findall(X, p(X), L).
q(a).
:- initialization(main).
