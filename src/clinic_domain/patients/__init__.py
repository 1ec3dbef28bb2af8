"""Patients: records, permissions, reviews, data sources and how they are found."""
