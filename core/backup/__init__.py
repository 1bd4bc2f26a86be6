"""Encrypted backups of one shop (database, uploads and secrets in one file) and their restore."""
