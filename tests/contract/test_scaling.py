"""An autoscaler takes over the count, and the product's own applies leave it alone."""

from k8s.cluster import Manifest, Ref
from tests.contract.target import Target
from tests.k8s.wishes import built


def autoscaler(space: str, name: str, *, at_least: int, at_most: int) -> Manifest:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
    metric["resource"]["target"]["averageUtilization"] = 50  # type: ignore[index]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": at_least,
            "maxReplicas": at_most,
            "metrics": [metric],
        },
    }


def test_an_autoscaler_raises_the_count_to_its_least_and_keeps_it(target: Target, space: str) -> None:
    wish = target.wish(space, replicas=1)
    deployment = built(wish)
    target.cluster.apply(deployment)
    target.cluster.apply(autoscaler(space, wish.name, at_least=2, at_most=3))
    target.until("two are wanted", lambda: target.deployment(space, wish.name).wanted_replicas == 2)
    target.until("it is told", lambda: target.events(space, "SuccessfulRescale", wish.name))
    scaler = Ref("HorizontalPodAutoscaler", space, wish.name)
    target.until(
        "the autoscaler tells", lambda: target.cluster.get(scaler)["status"].get("desiredReplicas") == 2
    )
    # The count left out, as while an autoscaler owns it: what it chose stays.
    del deployment["spec"]["replicas"]
    target.cluster.apply(deployment)
    assert target.deployment(space, wish.name).wanted_replicas == 2
    assert target.cluster.delete(scaler)
