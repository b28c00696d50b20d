% Each `_` is a new variable; _Named ones are variables of that name.
e(1,2). e(2,3). 0.5::e(3,4).
p(X) :- e(X,_), e(_,X).
q(_X) :- e(_X,_Y), e(_Y,_).
query(p(_)). query(q(_A)).
