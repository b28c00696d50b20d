% `=:=` compares values: 2 =:= 2.0 holds.
p :- 2 =:= 2.0. q :- 2 = 2.0. r :- 1 =\= 1.0.
query(p). query(q). query(r).
