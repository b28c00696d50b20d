0.4::heads(C); 0.6::tails(C) :- coin(C).
coin(c1). coin(c2).
win :- heads(_).
query(win).
