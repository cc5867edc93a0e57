"""A diagnosis as the observer stores it."""

from typing import Any

WRONG_PORT: dict[str, Any] = {
    "code": "wrong_port",
    "cause": {
        "en": "The server listens on port 7007, but port 5001 is asked.",
        "pt": "O servidor escuta na porta 7007, mas a porta consultada é 5001.",
    },
    "advice": {
        "en": "Set the container port to 7007.",
        "pt": "Defina a porta do contêiner como 7007.",
    },
    "evidence": [
        {"kind": "event", "source": "house-1", "text": "Unhealthy: connection refused", "at": None},
        {"kind": "log", "source": "house-1", "text": "serving on port 7007", "at": None},
    ],
    "fix": {
        "action": "update",
        "label": {"en": "Set the port to 7007", "pt": "Usar a porta 7007"},
        "changes": {"port": 7007},
        "revision": None,
    },
    "pod": "house-1",
}
