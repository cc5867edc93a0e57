"""What may be wrong with an installation: looked at from where a worker runs, said with its remedy."""

from deployments.doctor.examination import examine
from deployments.doctor.findings import Area, Finding

__all__ = ["Area", "Finding", "examine"]
