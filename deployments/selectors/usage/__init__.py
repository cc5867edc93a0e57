"""Reads of what is held, used and paid, with the person's permission inside."""
