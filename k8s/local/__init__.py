"""A one-machine cluster that speaks the Kubernetes API (see docs); run it with ``python -m k8s.local``."""
