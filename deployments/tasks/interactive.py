"""Tasks of the `interactive` queue: somebody waits for the answer, and asks again themselves."""

from typing import Any

from celery import shared_task

from deployments import answering, inspecting, rehearsing


@shared_task(name="deployments.tasks.interactive.read_logs", acks_late=False)
def read_logs(question_id: str, deployment_id: int, options: dict[str, Any]) -> None:
    answering.answer(question_id, lambda: answering.read_logs(deployment_id, **options))


@shared_task(name="deployments.tasks.interactive.predict", acks_late=False)
def predict(question_id: str, deployment_id: int, options: dict[str, Any]) -> None:
    answering.answer(question_id, lambda: answering.predict(deployment_id, **options))


@shared_task(name="deployments.tasks.interactive.rehearse", acks_late=False)
def rehearse(question_id: str, cluster_id: int, options: dict[str, Any]) -> None:
    answering.answer(question_id, lambda: rehearsing.rehearse(cluster_id, **options))


@shared_task(name="deployments.tasks.interactive.inspect", acks_late=False)
def inspect(question_id: str, cluster_id: int, options: dict[str, Any]) -> None:
    answering.answer(question_id, lambda: inspecting.inspect(cluster_id, **options))
