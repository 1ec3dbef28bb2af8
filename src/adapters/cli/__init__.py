"""The command line `clinic`."""
