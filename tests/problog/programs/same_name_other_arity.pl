% One name with several numbers of arguments are several predicates.
0.5::p. 0.4::p(1). 0.3::p(1,2). p(X,Y,Z) :- p(X,Y), p(Z).
query(p). query(p(_)). query(p(_,_)). query(p(_,_,_)).
