% Queries: ground, with a variable, with `_`, repeated, of a repeated variable, not derivable.
0.5::e(1,2). 0.4::e(2,2). 0.3::e(3,1).
query(e(1,2)). query(e(2,X)). query(e(_,_)). query(e(1,2)). query(e(X,X)). query(e(1,9)).
