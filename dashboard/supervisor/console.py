"""The supervisor's output: one line per message, prefixed with who says it."""

import re
import sys
import time

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
NAME_WIDTH = 8
# Our processes say the time themselves; once is enough.
TIME = re.compile(r"^\d\d:\d\d:\d\d ")


class Console:
    """Writes whole lines, each with a time and a coloured name."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour
        self._colours: dict[str, int] = {}

    def say(self, name: str, text: str) -> None:
        """Print one line of one process."""
        prefix = f"{time.strftime('%H:%M:%S')} {name:<{NAME_WIDTH}}"
        if self.colour:
            number = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{number}m{prefix}\x1b[0m"
        self.plain(f"{prefix} {TIME.sub('', text)}")

    def plain(self, text: str) -> None:
        """Print a line as it is. A reader that went away does not stop the supervisor."""
        try:
            print(text, flush=True)
        except OSError:
            # The terminal or pipe is gone; the processes go on until told to stop.
            sys.stdout = None
