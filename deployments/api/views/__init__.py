"""One module per kind of resource: parse, call one function of the domain, answer."""
