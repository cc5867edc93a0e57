"""Whoever owns the count: an autoscaler takes it over and gives it back, and no pod is lost on the way."""

import pytest

from k8s.cluster import HANDOVER_MANAGER, Ref
from k8s.decode import facts_of
from k8s.facts import AutoscalerFacts
from k8s.manifests import build, handover
from k8s.spec import Autoscaling, Wish
from tests.contract.target import Target
from tests.k8s.wishes import built


def autoscaled(target: Target, space: str, *, at_least: int = 1, at_most: int = 5) -> Wish:
    bounds = Autoscaling(min_replicas=at_least, max_replicas=at_most, target_cpu_percent=50)
    return target.wish(space, replicas=None, autoscaling=bounds, revision=2)


def count(target: Target, wish: Wish) -> int:
    return target.deployment(wish.namespace, wish.name).wanted_replicas


def scaler(target: Target, wish: Wish) -> AutoscalerFacts:
    found = facts_of("HorizontalPodAutoscaler", target.cluster.get(scaler_of(wish)))
    assert isinstance(found, AutoscalerFacts)
    return found


def scaler_of(wish: Wish) -> Ref:
    return Ref("HorizontalPodAutoscaler", wish.namespace, wish.name)


def test_a_count_that_its_only_owner_leaves_out_is_reset(target: Target, space: str) -> None:
    # The trap that the hand-over is for. Where this no longer holds, nothing else here is true either.
    target.cluster.apply(built(target.wish(space, replicas=3)))
    target.cluster.apply(built(autoscaled(target, space)))
    assert count(target, autoscaled(target, space)) == 1


def test_the_count_survives_being_handed_over_and_is_taken_back(target: Target, space: str) -> None:
    fixed, wish = target.wish(space, replicas=3), autoscaled(target, space)
    target.cluster.apply(built(fixed))
    generation = target.deployment(space, wish.name).generation
    target.cluster.apply(handover(wish, 3), field_manager=HANDOVER_MANAGER)
    for _ in range(2):
        target.cluster.apply(built(wish))
        assert count(target, wish) == 3
    assert target.deployment(space, wish.name).generation == generation, "neither changes what pods there are"
    # An autoscaler writes through the subresource.
    target.cluster.scale(Ref("Deployment", space, wish.name), 4)
    target.cluster.apply(built(wish))
    assert count(target, wish) == 4
    target.cluster.apply(built(fixed))
    assert count(target, wish) == 3


def test_it_can_be_handed_over_a_second_time(target: Target, space: str) -> None:
    fixed, wish = target.wish(space, replicas=3), autoscaled(target, space)
    for replicas in (3, 2):
        target.cluster.apply(built(target.wish(space, replicas=replicas)))
        target.cluster.apply(handover(wish, replicas), field_manager=HANDOVER_MANAGER)
        target.cluster.apply(built(wish))
        assert count(target, wish) == replicas
    target.cluster.apply(built(fixed))
    assert count(target, wish) == 3


def test_an_autoscaler_raises_the_count_to_its_least_and_keeps_it(target: Target, space: str) -> None:
    wish = autoscaled(target, space, at_least=2, at_most=3)
    target.cluster.apply(built(target.wish(space, replicas=1)))
    target.cluster.apply(handover(wish, 1), field_manager=HANDOVER_MANAGER)
    for manifest in build(wish):
        assert target.cluster.apply(manifest).warnings == ()
    target.until("two are wanted", lambda: count(target, wish) == 2)
    target.until("it is told", lambda: target.events(space, "SuccessfulRescale", wish.name))
    target.until("the autoscaler tells", lambda: scaler(target, wish).desired_replicas == 2)
    facts = scaler(target, wish)
    assert (facts.target, facts.min_replicas, facts.max_replicas) == (wish.name, 2, 3)
    assert [(metric.resource, metric.target) for metric in facts.metrics] == [("cpu", 50)]
    assert facts.last_scaled_at is not None
    # What it chose stays, whatever else of the wish is applied.
    target.cluster.apply(built(wish))
    assert count(target, wish) == 2
    # Removed first: else it would raise again what we lower.
    assert target.cluster.delete(scaler_of(wish))
    target.cluster.apply(built(target.wish(space, replicas=1)))
    assert count(target, wish) == 1


def test_an_autoscaler_does_nothing_for_a_deployment_of_none(target: Target, space: str) -> None:
    # Why a paused deployment that is resumed gets a count before it gets its autoscaler.
    wish = autoscaled(target, space, at_least=2)
    target.cluster.apply(built(target.wish(space, replicas=0)))
    target.cluster.apply(build(wish)[-1])

    def disabled() -> bool:
        return any(condition.reason == "ScalingDisabled" for condition in scaler(target, wish).conditions)

    target.until("it says that it does nothing", disabled)
    assert count(target, wish) == 0


@pytest.mark.parametrize(("replicas", "allowed"), [(1, None), (2, 1)])
def test_a_drain_takes_one_pod_of_several_at_a_time(
    runner: Target, space: str, replicas: int, allowed: int | None
) -> None:
    wish = runner.wish(space, replicas=replicas)
    for manifest in build(wish):
        runner.cluster.apply(manifest)
    runner.until_state(wish, "running")
    budgets = runner.cluster.list("PodDisruptionBudget", space)
    assert len(budgets) == (allowed is not None)
    if allowed is not None:
        budget = Ref("PodDisruptionBudget", space, wish.name)

        def disruptions() -> int | None:
            found: int | None = runner.cluster.get(budget).get("status", {}).get("disruptionsAllowed")
            return found

        assert runner.until("it allows one", disruptions) == allowed
        assert runner.cluster.delete(budget)
