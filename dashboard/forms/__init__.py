"""What a person typed, kept as typed, beside the domain's own messages about it."""
