"""How a study is measured."""
