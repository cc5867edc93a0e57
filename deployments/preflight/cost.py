"""What a wish costs an hour: the requests of its replicas, by its cluster's prices."""

from deployments import costs
from deployments.models import Cluster
from deployments.preflight.subject import Counts
from deployments.preflight.words import Cost
from deployments.selectors.usage.shapes import Amounts
from k8s.quantities import bytes_, millicores
from k8s.spec import Resources


def cost_of(resources: Resources, counts: Counts, cluster: Cluster) -> Cost:
    """By what is requested, whatever is paid for later: nobody knows yet what will be used."""
    prices = costs.prices_of(cluster)
    one = Amounts(millicores(resources.cpu), bytes_(resources.memory), resources.gpu)
    an_hour = costs.cost_of_hour(prices, one)
    if an_hour is None:
        missing = " and ".join(costs.missing_prices(prices, one))
        text = f"Cluster {cluster.name} has no price for {missing}."
        return Cost(per_hour=None, currency=cluster.currency, text=text)
    least, most = (costs.rounded_hour(an_hour * count) for count in (counts.least, counts.most))
    bounds = f"{least}" if counts.most == counts.least else f"From {least} to {most}"
    return Cost(per_hour=least, currency=cluster.currency, text=f"{bounds} {cluster.currency} an hour")
