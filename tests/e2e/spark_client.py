"""Spark's client as one Java process: spark-submit, the drivers of Apache's operator, and sessions in client mode.

Python calls Spark's own classes through py4j, so one start of Java serves many applications, one after another.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from tests.e2e.component import Component
from tests.spark.judge.spark import JAVA, LOGGING, Spark

#: The packages of Java 17 that spark-submit's script opens to Spark, as far as they are needed here.
OPENED = ("java.lang", "java.lang.invoke", "java.nio", "java.util", "sun.nio.ch")


class SparkClientError(Exception):
    """Spark failed; the message is that of the exception in Java, with its causes."""


class Session:
    """The jobs of a SparkContext."""

    def __init__(self, context: Any, seconds: Any, told: Callable[[], AbstractContextManager[None]]) -> None:
        self._context, self._seconds, self._told = context, seconds, told

    def demand(self, tasks: int = 100) -> None:
        """Begins a job that asks for as many executors as the application may have, if none of them ever runs."""
        with self._told():
            self._context.parallelize(list(range(tasks)), tasks).countAsync()

    def pipe(self, numbers: Sequence[int], command: Sequence[str], timeout: int) -> list[str]:
        """Gives each number to a task that runs `command` with it, and returns the distinct lines that come out, sorted."""
        with self._told():
            piped = self._context.parallelize(list(numbers), len(numbers)).pipe(list(command))
            return sorted(piped.distinct().collectAsync().get(timeout, self._seconds))


class SparkClient:
    """One version of Spark, between start and end of its Java process. It is used by one thread at a time."""

    def __init__(self, jars: Path, folder: Path) -> None:
        self.version = Spark.found(jars).version
        folder.mkdir()
        settings = folder / "log4j2.properties"
        settings.write_text(LOGGING)
        opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
        command = [*JAVA, "-Xmx1g", f"-Dlog4j2.configurationFile={settings}", f"-Djava.io.tmpdir={folder}", *opened]
        command += ["-cp", f"{jars}/*", "py4j.GatewayServer", "--enable-auth", "0"]
        # Spark's own settings of this machine must not get in.
        environment = {"PATH": "/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_USER": "spark"}
        self._log = folder / "log"
        self._log.touch(mode=0o600)
        self._process = Component(command, self._log, environment | {"KUBECONFIG": os.devnull})

    def __enter__(self) -> Self:
        # The first lines are the port and the secret of its clients.
        self._process.start(lambda: self._log.read_text().count("\n") >= 2)
        try:
            port, secret = self._log.read_text().splitlines()[:2]
            # It comes with pyspark, which not every machine has.
            self._py4j = import_module("py4j.java_gateway")
            self._errors = import_module("py4j.protocol")
            parameters = self._py4j.GatewayParameters(port=int(port), auth_token=secret, auto_convert=True)
            self._gateway = self._py4j.JavaGateway(gateway_parameters=parameters)
        except BaseException:
            self._process.stop()
            raise
        self._java = self._gateway.jvm
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):
            self._gateway.close()
        self._process.stop()

    def submit(self, arguments: Sequence[str]) -> None:
        """What spark-submit does with these arguments; raises SparkClientError if it fails."""
        given = self._array(arguments)
        with self._told():
            self._java.org.apache.spark.deploy.InProcessSparkSubmit.main(given)

    def driver(self, conf: Mapping[str, str], main_class: str, jar: str) -> dict[str, Any]:
        """The pod that KubernetesDriverBuilder makes for an application, as Apache's operator calls it."""
        spark = self._java.org.apache.spark
        with self._told():
            configuration = spark.deploy.k8s.KubernetesConf.createDriverConf(
                self._conf(conf),
                conf["spark.app.id"],
                spark.deploy.k8s.submit.JavaMainAppResource(self._java.scala.Option.apply(jar)),
                main_class,
                self._array([]),
                self._java.scala.Option.empty(),
            )
            kubernetes = self._kubernetes(conf)
            made = spark.deploy.k8s.submit.KubernetesDriverBuilder().buildFromFeatures(configuration, kubernetes).pod()
            kubernetes.close()
            write = self._java.io.fabric8.kubernetes.client.utils.Serialization.asJson
            pod, container = json.loads(write(made.pod())), json.loads(write(made.container()))
        pod["spec"].setdefault("containers", []).append(container)
        return dict(pod)

    def create(self, conf: Mapping[str, str], thing: Mapping[str, Any]) -> None:
        """Creates an object by Spark's client of Kubernetes."""
        with self._told():
            kubernetes = self._kubernetes(conf)
            try:
                kubernetes.resource(json.dumps(thing)).create()
            finally:
                kubernetes.close()

    @contextmanager
    def session(self, conf: Mapping[str, str]) -> Iterator["Session"]:
        """A SparkContext in client mode, until the block ends."""
        with self._told():
            context = self._java.org.apache.spark.api.java.JavaSparkContext(self._conf(conf))
        try:
            yield Session(context, self._java.java.util.concurrent.TimeUnit.SECONDS, self._told)
        finally:
            with self._told():
                context.stop()

    def _conf(self, conf: Mapping[str, str]) -> Any:
        made = self._java.org.apache.spark.SparkConf()
        for key, value in conf.items():
            made.set(key, value)
        return made

    def _kubernetes(self, conf: Mapping[str, str]) -> Any:
        """A client of the API server, for the owner of the token for submissions."""
        client = self._java.io.fabric8.kubernetes.client
        prefix = "spark.kubernetes.authenticate.submission."
        configuration = client.ConfigBuilder().withMasterUrl(conf["spark.master"].removeprefix("k8s://"))
        configuration = configuration.withCaCertFile(conf[f"{prefix}caCertFile"])
        configuration = configuration.withOauthToken(conf[f"{prefix}oauthToken"])
        return client.KubernetesClientBuilder().withConfig(configuration.build()).build()

    def _array(self, words: Sequence[str]) -> Any:
        made = self._gateway.new_array(self._java.java.lang.String, len(words))
        for number, word in enumerate(words):
            made[number] = word
        return made

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._errors.Py4JJavaError as error:
            raise SparkClientError(str(error)) from None
