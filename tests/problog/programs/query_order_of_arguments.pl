% Answers with constants of all kinds in one predicate.
0.1::m(1,a). 0.2::m(1.5,'B'). 0.3::m(-1,"c"). 0.4::m(x,true). 0.5::m('x y',0).
query(m(_,_)). query(m(1,_)). query(m(_,"c")).
