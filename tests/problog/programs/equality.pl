% `=`, `\=`, `==` and `\==` compare terms: 2 and 2.0 are two.
t(2). t(2.0). t(a). t("a").
a(X) :- t(X), X = 2. b(X) :- t(X), X \= 2. c(X) :- t(X), X == a. d(X) :- t(X), X \== a.
e :- t(X), t(Y), X =:= Y, X \= Y, X = 2, Y = 2.0.
query(a(_)). query(b(_)). query(c(_)). query(d(_)).
