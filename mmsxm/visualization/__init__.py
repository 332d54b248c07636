"""Pictures for eyes."""
