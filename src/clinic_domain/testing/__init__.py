"""Strategies, state machines and contract suites that ship with the package (extra: testing)."""
