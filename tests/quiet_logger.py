"""A logger for code that wants one."""

import structlog

from webhook.service.logs import Logger, configure


def quiet_logger() -> Logger:
    """A logger that writes errors only. All others stay as they are: `configure` is for a whole process."""
    before = structlog.get_config()
    try:
        return configure("error", "json")
    finally:
        structlog.configure(**before)
