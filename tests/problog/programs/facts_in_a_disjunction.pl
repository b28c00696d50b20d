% A disjunction without a body, with certain rest, and one that names the same atom twice.
0.4::a(1); 0.6::a(2).
0.3::b; 0.3::b.
query(a(_)). query(b).
