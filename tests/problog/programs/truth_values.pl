% true and false as terms and as goals.
p(true). p(false).
q :- true. r :- false. s :- fail. 0.3::t :- true.
query(p(_)). query(q). query(r). query(s). query(t).
