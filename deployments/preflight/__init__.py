"""What would become of a wish, found out before it is stored. It says what it could not check."""

from deployments.preflight.checking import preflight
from deployments.preflight.words import Check, Cost, Preflight

__all__ = ["Check", "Cost", "Preflight", "preflight"]
