"""What a study can measure: one record a file, and the table of all; installed distributions may add to it."""
