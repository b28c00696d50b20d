% Annotated disjunction over six faces written as 1/6.
1/6::die(D,1); 1/6::die(D,2); 1/6::die(D,3); 1/6::die(D,4); 1/6::die(D,5); 1/6::die(D,6) :- dice(D).
dice(red). dice(blue).
sum(S) :- die(red,X), die(blue,Y), S is X+Y.
even(D) :- die(D,X), 0 is X mod 2.
query(sum(_)). query(even(red)).
