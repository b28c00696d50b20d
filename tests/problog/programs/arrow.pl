% `<-` is the arrow too.
0.5::a <- b. b <- c. 0.4::c.
d <- a, \+ b ; c.
query(a). query(b). query(d).
