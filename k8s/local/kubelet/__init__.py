"""The node side of the local cluster: pods as real processes on this machine."""
