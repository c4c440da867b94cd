"""Runs Spark's own code: `Judge.scala`, compiled by the Scala compiler among pyspark's jars."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("Judge.scala")
#: Without an appender Spark logs as it likes.
LOGGING = """rootLogger.level = error
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c: %m%n%ex
"""
MAIN = "org.apache.spark.deploy.judge.Judge"
JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss4m")


@dataclass(frozen=True)
class Spark:
    """One version of Spark."""

    version: str
    jars: Path

    @classmethod
    def found(cls, jars: Path) -> "Spark":
        """The version whose jars are in a folder."""
        (core,) = jars.glob("spark-core_*.jar")
        return cls(core.stem.rpartition("-")[2], jars)

    def pods(self, submissions: Sequence[list[str]], classes: Path) -> list[dict[str, Any]]:
        """What Spark makes of each list of arguments of spark-submit. Class files go to the empty folder `classes`."""
        subprocess.run(
            [*JAVA, "-cp", f"{self.jars}/*", "scala.tools.nsc.Main", "-usejavacp", "-nowarn", "-d", classes, SOURCE],
            check=True,
            timeout=300,
        )
        settings, log = classes / "log4j2.properties", classes / "log.txt"
        settings.write_text(LOGGING)
        # Hadoop reads its thousand defaults four times a submission, which is most of the time. None matters here.
        (classes / "core-default.xml").write_text("<configuration/>")
        command = [*JAVA, f"-Dlog4j2.configurationFile={settings}", f"-Djava.io.tmpdir={classes}"]
        command += ["-Dsun.net.httpserver.nodelay=true", "-cp", f"{classes}:{self.jars}/*", MAIN]
        asked = "".join(json.dumps(one) + "\n" for one in submissions)
        # Spark's own settings of this machine must not get in.
        environment = {"PATH": "/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_USER": "spark"}
        with log.open("w") as errors:
            answered = subprocess.run(
                command,
                input=asked,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                check=False,
                text=True,
                timeout=300,
            )
        answers = [json.loads(line) for line in answered.stdout.splitlines()]
        assert answered.returncode == 0, log.read_text()[-5000:]
        assert len(answers) == len(submissions), log.read_text()[-5000:]
        return answers


def installed() -> list[Path]:
    """The folders with the jars of Spark 3.5 and of Spark 4, as far as they are installed.

    They are where `make spark` installs them, or in the folders that SPARK_HOMES names, separated by colons.
    """
    if given := os.environ.get("SPARK_HOMES"):
        homes = [Path(one) for one in given.split(":")]
    else:
        found = importlib.util.find_spec("pyspark")
        homes = [Path(found.origin).parent] if found is not None and found.origin is not None else []
        homes.append(Path(sys.prefix) / "spark-4")
    return [home / "jars" for home in homes if (home / "jars").is_dir()]
