% Negation through three strata.
0.4::rain. 0.5::sprinkler.
wet :- rain. wet :- sprinkler.
dry :- \+ wet.
picnic :- dry, 1 < 2.
stay :- \+ picnic.
query(wet). query(dry). query(picnic). query(stay).
