"""The modules with attacks, in the order of their runs: attacks that fill or slow down the shop come last."""

SUBJECTS = ("entrance", "members", "money", "files", "webhooks", "strangers")
