"""Merging two clinics: the plan, the report about it, and its execution."""
