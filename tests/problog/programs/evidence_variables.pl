% Evidence with a variable speaks of all of its answers.
0.5::b(1). 0.4::b(2). c :- b(1), b(2).
0.2::d(1). e :- d(_), b(1).
evidence(b(X)).
query(b(_)). query(c). query(e).
