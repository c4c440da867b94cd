"""`python -m webhook.playground`: the process."""

import sys

from webhook.playground.process import main

if __name__ == "__main__":
    sys.exit(main())
