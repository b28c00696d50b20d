% ProbLog keeps quotation marks that a name does not need.
0.5::p('abc'). 0.4::'r'(1).
query(p(_)). query('r'(1)). query(p('abc')).
