"""How a container gets its image: by its pull policy, again and again until the image is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from k8s.local.kubelet.context import Context
from k8s.local.kubelet.images import Image, ImageNotFound, InvalidImageName, check_reference
from k8s.local.store import Object

#: How long the first of the two faces of a failing pull is shown.
ERROR_SHOWN_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Puller:
    """Pulls one container's image.

    ``emit`` writes an event (type, reason, message); ``wait`` shows a reason and a message as what
    the container waits for.
    """

    context: Context
    container: Object
    emit: Callable[[str, str, str], None]
    wait: Callable[[str, str], None]

    async def pulled(self) -> Image:
        """The image, once it can be had."""
        failures = 0
        while True:
            reference = self.container["image"]
            try:
                return self._pull(reference)
            except InvalidImageName as problem:
                self.emit("Warning", "InspectFailed", str(problem))
                self.wait("InvalidImageName", str(problem))
                await asyncio.sleep(self.context.timing.back_off)
            except ImageNotFound as problem:
                if self._policy(reference) == "Never":
                    told = f'Container image "{reference}" is not present with pull policy of Never'
                    self.emit("Warning", "ErrImageNeverPull", told)
                    self.wait("ErrImageNeverPull", told)
                    await asyncio.sleep(self.context.timing.back_off)
                else:
                    failures += 1
                    await self._failed(reference, str(problem), failures)

    def _pull(self, reference: str) -> Image:
        if self._policy(reference) != "Always":
            image = self.context.images.pull(reference)
            told = f'Container image "{reference}" already present on machine and can be accessed by the pod'
        else:
            check_reference(reference)
            self.emit("Normal", "Pulling", f'Pulling image "{reference}"')
            image = self.context.images.pull(reference)
            told = (
                f'Successfully pulled image "{reference}" in 1ms (1ms including waiting). '
                f"Image size: {image.size_bytes} bytes."
            )
        self.emit("Normal", "Pulled", told)
        return image

    def _policy(self, reference: str) -> str:
        default = "Always" if check_reference(reference).endswith(":latest") else "IfNotPresent"
        return str(self.container.get("imagePullPolicy") or default)

    async def _failed(self, reference: str, problem: str, failures: int) -> None:
        if self._policy(reference) != "Always":
            self.emit("Normal", "Pulling", f'Pulling image "{reference}"')
        self.emit("Warning", "Failed", f'Failed to pull image "{reference}": {problem}')
        self.wait("ErrImagePull", problem)
        delay = self.context.timing.pull_delay(failures)
        shown = min(ERROR_SHOWN_SECONDS, delay / 2)
        await asyncio.sleep(shown)
        told = f'Back-off pulling image "{reference}"'
        self.emit("Normal", "BackOff", told)
        self.wait("ImagePullBackOff", f"{told}: ErrImagePull: {problem}")
        await asyncio.sleep(delay - shown)
