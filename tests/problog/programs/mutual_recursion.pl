% even and odd derive each other through probabilistic steps.
0.8::step(0,1). 0.7::step(1,2). 0.6::step(2,3). 0.5::step(3,4).
even(0).
odd(Y) :- step(X,Y), even(X).
even(Y) :- step(X,Y), odd(X).
query(even(_)). query(odd(_)).
