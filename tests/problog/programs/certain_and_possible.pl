% An atom that is a fact and has a probabilistic rule too.
a. 0.3::a :- b. 0.5::b.
query(a). query(b).
