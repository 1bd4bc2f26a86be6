"""A simulated shop with a known purchase process, so that the results of analytics can be checked against the truth."""
