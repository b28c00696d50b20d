% Evidence on what is certain anyway changes nothing.
a. 0.4::b. c :- b, fail.
evidence(a). evidence(\+c).
query(b).
