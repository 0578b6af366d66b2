"""A seeded fuzzer of every file that hwsim reads: ``python -m tests.fuzz --reader NAME --cases N --seed S``."""
