% Counting up to a bound.
0.9::up(1).
0.9::up(N) :- between(2,4,N), M is N-1, up(M).
query(up(_)).
