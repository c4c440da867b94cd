"""A Spark session in client mode that asks for as many executors as it may have, until a signal ends it.

Run as a script; the configuration is JSON in the first argument.
"""

import json
import os
import signal
import sys
import threading

from pyspark import SparkContext
from pyspark.sql import SparkSession


def main() -> None:
    builder = SparkSession.builder
    for key, value in json.loads(sys.argv[1]).items():
        builder = builder.config(key, value)
    context = builder.getOrCreate().sparkContext
    signal.signal(signal.SIGTERM, lambda *_: end(context))
    # No executor will ever run these tasks, so dynamic allocation asks for more and more executors.
    threading.Thread(target=context.parallelize(range(100), 100).count, daemon=True).start()
    threading.Event().wait()


def end(context: SparkContext) -> None:
    """Ends the Java process, and this one."""
    gateway = context._gateway
    assert gateway
    gateway.proc.kill()
    gateway.proc.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
