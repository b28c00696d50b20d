% Numbers in base 16.
p(0x1f). 0.5::p(0xA).
query(p(_)).
