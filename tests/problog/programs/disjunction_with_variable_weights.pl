% The weights of a disjunction come from the body.
P::win(X); Q::lose(X) :- odds(X,P,Q).
odds(a,0.2,0.5). odds(b,0.6,0.4).
query(win(_)). query(lose(_)).
