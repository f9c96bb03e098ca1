"""Ragstone: retrieval-augmented generation and semantic search with proof."""
