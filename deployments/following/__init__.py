"""Following logs: viewers register their interest, the observer serves one upstream for all of them."""
