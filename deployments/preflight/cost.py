"""What a wish costs an hour: the requests of its replicas, by its cluster's prices."""

from decimal import Decimal

from deployments.models import Cluster
from deployments.preflight.subject import Counts
from deployments.preflight.words import Cost
from k8s.quantities import amount
from k8s.spec import Resources

GIB = Decimal(2**30)
_CENTS_OF_A_CENT = Decimal("0.0001")


def cost_of(resources: Resources, counts: Counts, cluster: Cluster) -> Cost:
    """Only prices of what is requested must be known: without GPUs theirs does not matter."""
    prices = (
        ("CPU", amount(resources.cpu), cluster.price_cpu_hour),
        ("memory", amount(resources.memory) / GIB, cluster.price_memory_gib_hour),
        ("GPUs", Decimal(resources.gpu), cluster.price_gpu_hour),
    )
    missing = [name for name, needed, price in prices if needed and price is None]
    if missing:
        text = f"Cluster {cluster.name} has no price for {' and '.join(missing)}."
        return Cost(per_hour=None, currency=cluster.currency, text=text)
    one = sum((needed * price for _, needed, price in prices if price is not None), Decimal(0))
    least, most = _rounded(one * counts.least), _rounded(one * counts.most)
    bounds = f"{least}" if counts.most == counts.least else f"From {least} to {most}"
    return Cost(per_hour=least, currency=cluster.currency, text=f"{bounds} {cluster.currency} an hour")


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_CENTS_OF_A_CENT)
