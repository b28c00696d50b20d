% Sums of uncertain numbers.
0.3::v(1); 0.7::v(2). 0.4::w(10); 0.6::w(20).
s(Z) :- v(X), w(Y), Z is X+Y.
big :- s(Z), Z > 20.
query(s(_)). query(big).
