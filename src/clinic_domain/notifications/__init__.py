"""Notifications: mails that are owed, kept with what they tell of until they are sent."""
