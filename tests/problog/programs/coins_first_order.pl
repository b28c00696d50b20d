% One weighted rule makes a choice for each coin.
coin(c1). coin(c2). coin(c3).
0.4::heads(C) :- coin(C).
some_heads :- heads(_).
all_tails :- \+ some_heads.
query(heads(c2)). query(some_heads). query(all_tails).
