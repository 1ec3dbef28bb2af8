"""The shapes of requests and answers, by resource, and their mapping to and from the core."""
