"""`python -m timoneiro`."""

import sys

from timoneiro.main import main

if __name__ == "__main__":
    sys.exit(main())
