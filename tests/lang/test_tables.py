"""The stored parse tables belong to the grammar."""

from neurosym.lang import tables


def test_tables_are_up_to_date():
    assert tables.TABLES.read_text("utf-8") == tables.generate(), "run neurosym.lang.tables.write()"
