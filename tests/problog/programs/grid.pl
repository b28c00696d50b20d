% Reachability in a grid whose cells may be blocked.
cell(X,Y) :- between(0,2,X), between(0,2,Y).
0.8::free(X,Y) :- cell(X,Y).
r(0,0) :- free(0,0).
r(X,Y) :- cell(X,Y), free(X,Y), Z is X-1, r(Z,Y).
r(X,Y) :- cell(X,Y), free(X,Y), Z is Y-1, r(X,Z).
query(r(2,2)). query(r(1,1)).
