% Integer and float results, division, floor and modulo of negatives.
n(7). n(-7).
a(X,Y) :- n(X), Y is X+1. b(X,Y) :- n(X), Y is X/2. c(X,Y) :- n(X), Y is X//2.
d(X,Y) :- n(X), Y is X mod 2. e(X,Y) :- n(X), Y is X*X-1. f(X,Y) :- n(X), Y is -X.
query(a(_,_)). query(b(_,_)). query(c(_,_)). query(d(_,_)). query(e(_,_)). query(f(_,_)).
