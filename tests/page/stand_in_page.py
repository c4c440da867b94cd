"""A page process whose explanations come from the stand-in."""

import sys

from webhook.page.process import run

if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], (sys.executable, "-m", "tests.page.stand_in")))
