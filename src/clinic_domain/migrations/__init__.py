"""Legacy accounts whose patients move into a clinic."""
