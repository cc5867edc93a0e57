"""The REST API: parse, call one function of the domain, answer."""
