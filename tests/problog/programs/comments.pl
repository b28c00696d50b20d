% Comments of both kinds, at the end of lines and between tokens. query(no).
/* a block
   query(nor_this). */
0.5::a. % end
0.4::b :- /* inside */ a.
query(a). query(b). %
