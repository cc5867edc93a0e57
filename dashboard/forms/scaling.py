"""The forms of the scaling page: text in, the API's payload out, messages back at their fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from django.http import QueryDict

from dashboard.forms.deployment import as_number
from deployments.errors import DomainError
from deployments.models import Deployment
from k8s.spec import Autoscaling

BOUNDS = ("min_replicas", "max_replicas")
TARGETS = ("target_cpu_percent", "target_memory_percent")
FIXED, AUTOMATIC = "fixed", "automatic"
USUAL_CPU_PERCENT = 70
USUAL_SCALE_DOWN_SECONDS = 300


@dataclass
class Typed:
    """Values as typed and messages, by JSON path."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    prefix: ClassVar[str] = ""

    def refuse(self, error: DomainError) -> None:
        """Put the domain's messages at the fields they are about; one about no field of ours goes on top."""
        for problem in error.errors:
            name = problem.field.removeprefix("autoscaling.")
            known = next((key for key in (name, self.prefix + name) if key in self.values), "")
            self.errors.setdefault(known, []).append(problem.message)
        if not self.errors:
            self.errors[""] = [error.detail or error.title]

    @property
    def first_error(self) -> str:
        """The field that gets the focus; "" when none has an error."""
        return next((name for name in self.values if name in self.errors), "")

    @property
    def loose_errors(self) -> list[str]:
        return self.errors.get("", [])

    def number(self, name: str) -> object:
        """What was typed as a number; as text when it is none, None when it is empty."""
        text = self.values.get(name, "")
        return as_number(text) if text else None


@dataclass
class ScalingForm(Typed):
    """Who owns the count (`mode`), and what they are told."""

    mode: str = FIXED

    @classmethod
    def of(cls, deployment: Deployment, bounds: Autoscaling | None) -> "ScalingForm":
        """As it is wanted now; what is not wanted yet has values that are sensible to begin with."""
        shown = bounds or Autoscaling(
            min_replicas=max(1, deployment.replicas),
            max_replicas=max(2, deployment.replicas * 2),
            target_cpu_percent=USUAL_CPU_PERCENT,
            scale_down_seconds=USUAL_SCALE_DOWN_SECONDS,
        )
        names = (*BOUNDS, *TARGETS, "scale_down_seconds")
        numbers = {name: getattr(shown, name) for name in names}
        values = {name: "" if number is None else str(number) for name, number in numbers.items()}
        return cls(
            values={"replicas": str(deployment.replicas), **values},
            mode=FIXED if bounds is None else AUTOMATIC,
        )

    @classmethod
    def typed(cls, data: QueryDict) -> "ScalingForm":
        names = ("replicas", *BOUNDS, *TARGETS, "scale_down_seconds")
        mode = AUTOMATIC if data.get("mode") == AUTOMATIC else FIXED
        return cls(values={name: data.get(name, "").strip() for name in names}, mode=mode)

    def autoscaling(self) -> dict[str, object]:
        """The API's `autoscaling`: an empty target is none, other empty fields are left to their defaults."""
        settings = {name: self.number(name) for name in TARGETS}
        others = {name: self.number(name) for name in (*BOUNDS, "scale_down_seconds") if self.values[name]}
        return {**settings, **others}


# The count's form is on the same page: fields of the schedule have names of their own.
SCHEDULE = "schedule."
SCHEDULED = ("replicas", *BOUNDS)


@dataclass
class ScheduleForm(Typed):
    """A time and what happens then: a count, or bounds of the autoscaler."""

    prefix = SCHEDULE

    @classmethod
    def typed(cls, data: Mapping[str, str]) -> "ScheduleForm":
        names = ["cron", *(SCHEDULE + name for name in SCHEDULED if SCHEDULE + name in data)]
        return cls(values={name: str(data.get(name, "")).strip()[:100] for name in names})

    def refuse(self, error: DomainError) -> None:
        """A message about a count that was not asked for is said at the first one that was."""
        super().refuse(error)
        asked = next((name for name in self.values if name.startswith(SCHEDULE)), "")
        if asked and (loose := self.errors.pop("", None)):
            self.errors[asked] = [*self.errors.get(asked, []), *loose]

    def payload(self) -> dict[str, object]:
        """The API's payload; of the count and the bounds, what was typed."""
        numbers = {
            name: self.number(SCHEDULE + name) for name in SCHEDULED if self.values.get(SCHEDULE + name)
        }
        return {"cron": self.values["cron"], **numbers, "enabled": True}
