% Strings and names are different terms, and are spelled as they are written.
p("a"). p(a). p("two words"). p("").
q(X) :- p(X), X = "a".
0.5::r("x").
query(p(_)). query(q(_)). query(r(_)).
