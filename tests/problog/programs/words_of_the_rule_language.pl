% Words that mean something in `.rules` files are plain names here.
0.5::rule. 0.4::test(weight). 0.3::p(if). 0.2::p(and). 0.1::p(then). 0.6::exists(forall). q(is). q(mod).
constraint :- rule, test(weight).
query(rule). query(test(_)). query(p(_)). query(exists(_)). query(constraint). query(q(_)).
