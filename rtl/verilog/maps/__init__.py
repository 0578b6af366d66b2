"""The registers and memories of a design as other tools read them, all made from one table (rtl/ports/register_table.py)."""
