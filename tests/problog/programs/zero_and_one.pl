% Probabilities 0 and 1.
0.0::never. 1.0::always. 0::zero. 1::one.
p :- never. q :- always, \+ never. r :- \+ always.
query(never). query(always). query(zero). query(one). query(p). query(q). query(r).
