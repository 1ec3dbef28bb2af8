"""Invites: a clinic asks a clinician to join, a patient asks a clinic to take part."""
