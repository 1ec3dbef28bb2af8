"""Adapters: one package per technology, strangers to each other."""
