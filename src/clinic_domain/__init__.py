"""The rules and use cases of a clinic service, free of any technology."""
