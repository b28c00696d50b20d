1/6::one(X); 1/6::two(X); 1/6::three(X); 1/6::four(X); 1/6::five(X); 1/6::six(X) :- die(X).
die(1). die(2).
odd(X) :- one(X). odd(X) :- three(X). odd(X) :- five(X).
even(X) :- \+ odd(X), die(X).
some_six :- six(_).
evidence(even(1)).
query(odd(2)). query(six(1)). query(some_six).
