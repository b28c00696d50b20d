% `=` binds a variable, on either side, also to a name.
p(X) :- X = a. q(X) :- 1 = X. r(X,Y) :- s(X), Y = X. s(1). 0.5::s(2).
t(X) :- X = 1 ; X = 2.
query(p(_)). query(q(_)). query(r(_,_)). query(t(_)).
