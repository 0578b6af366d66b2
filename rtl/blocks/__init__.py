"""Small blocks: adders, multipliers, tables, RAMs, delays."""
