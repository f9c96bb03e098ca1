"""Test sets: questions, answers and gold spans made of an index's own documents."""
