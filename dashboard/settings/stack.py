"""What `./dev up` takes from its environment."""

from pydantic import field_validator

from dashboard.settings.environment import Environment, told


class StackEnvironment(Environment):
    """The settings of a process, and how the supervisor's own output looks."""

    no_color: str = told("", "Anything: no colours on the terminal.", by="`./dev up`")

    @field_validator("port")
    @classmethod
    def port_is_possible(cls, port: int) -> int:
        """Refuse what no server can listen on."""
        if not 1 <= port <= 65535:
            raise ValueError("a port is a number from 1 to 65535")
        return port
