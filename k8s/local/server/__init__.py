"""The HTTP side of the local cluster: the Kubernetes REST API."""
