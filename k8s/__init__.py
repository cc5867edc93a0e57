"""Everything Kubernetes: the gateway, the facts it yields and the pure rules over them. No Django."""
