"""One module per page; each parses, calls one function of the domain and renders."""
