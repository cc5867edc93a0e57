"""`python -m dashboard.supervisor`: what `./dev up` becomes."""

import sys

from dashboard.supervisor.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
