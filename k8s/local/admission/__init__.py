"""Admission: what a namespace's rules (limits, pod security, quotas) say to a write."""

from __future__ import annotations

from k8s.local.admission.limits import Limits
from k8s.local.admission.pod_security import PodSecurity
from k8s.local.admission.quota import Quotas
from k8s.local.registry import Registry


def install(registry: Registry) -> None:
    """Make a registry obey LimitRanges, pod security levels and ResourceQuotas.

    The order is the real one: defaults before validation, and the quota last, so that
    nothing is charged for what another rule refuses.
    """
    limits = Limits(registry.store)
    security = PodSecurity(registry.store)
    registry.admissions.append(limits.fill_in)
    registry.checks += [limits.check, security.check, Quotas(registry.store).check]
