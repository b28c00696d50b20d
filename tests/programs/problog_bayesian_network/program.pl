0.2::rain. 
0.01::sprinkler :- rain. 0.4::sprinkler :- \+rain.
0.99::grass_wet :- sprinkler, rain. 0.9::grass_wet :- sprinkler, \+rain. 0.8::grass_wet :- \+sprinkler, rain.
evidence(grass_wet).
query(rain).
