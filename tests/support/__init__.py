"""Pictures, albums and files that the tests make for themselves."""
