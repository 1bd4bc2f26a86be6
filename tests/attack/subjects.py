"""The modules that have attacks, in the order in which they run: what fills or slows the shop comes last."""

SUBJECTS = ("entrance", "members", "money", "files", "webhooks", "strangers")
