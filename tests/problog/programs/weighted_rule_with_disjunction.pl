% A weighted rule whose body has alternatives makes one choice.
0.5::a. 0.4::b.
0.7::p :- (a ; b).
query(p).
