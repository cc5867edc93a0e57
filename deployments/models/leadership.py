"""Which of several like processes is the active one."""

from django.db import models


class Leadership(models.Model):
    """A role that one process at a time holds, by a lease that it renews."""

    name = models.CharField(max_length=40, unique=True)
    holder = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"
