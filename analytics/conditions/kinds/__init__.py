"""The segment conditions that come with the product, one module per subject.

Register a new condition in the `register` function of its module; see docs/how-to/add-a-condition.md.
"""
