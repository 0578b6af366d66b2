"""Design-space exploration: study files, their points, measurements on many workers, tables, pictures and reports."""
