"""Clinicians: members, roles, the last-admin rule, invites and service accounts."""
