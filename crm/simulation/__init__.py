"""A shop made up from a known process, so that what analytics finds can be checked against the truth."""
