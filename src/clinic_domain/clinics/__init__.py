"""Clinics: share codes, tiers, settings, tags, sites and patient counts."""
