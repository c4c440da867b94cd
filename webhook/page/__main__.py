"""Starts the page process."""

import sys

from webhook.page.process import run

sys.exit(run(sys.argv[1:]))
