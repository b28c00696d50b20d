% All comparison operators on numbers.
n(1). n(2). n(3).
lt(X) :- n(X), X < 2. le(X) :- n(X), X =< 2. gt(X) :- n(X), X > 2. ge(X) :- n(X), X >= 2.
eq(X) :- n(X), X =:= 2. ne(X) :- n(X), X =\= 2.
query(lt(_)). query(le(_)). query(gt(_)). query(ge(_)). query(eq(_)). query(ne(_)).
