"""The signature and the help of the commands that run a process, or call one that runs.

Each body imports what it needs, as in commands.py.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from webhook.cli.options import PolicyFile, Values
from webhook.cli.terminal import FOUND


def probe(
    url: Annotated[str, typer.Option(help="The service, as https://HOST:PORT.")],
    profile: Annotated[str, typer.Option(help="The profiles to check, separated by commas.")] = "default",
    label: Annotated[list[str] | None, typer.Option(help="A label of the pod, KEY=VALUE; may be repeated.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="A PEM file with the CA certificates to trust.")] = None,
    ca: Annotated[str | None, typer.Option(help="The CA certificates to trust, as PEM.")] = None,
    wait: Annotated[int, typer.Option(help="Seconds to wait for a service that does not answer yet.")] = 30,
) -> None:
    """Send a running service a review for each profile, and check the answers.

    Each review is of an executor, as a dry run. Without --ca-file and --ca, the CA certificates of this machine are
    trusted.

    Exit code: 0 if all answers are right, 1 if one is missing or wrong, 2 if the input cannot be used.

    Example: `spark-eci-webhook probe --url https://localhost:8443 --ca-file .local/tls/ca.crt --profile default`
    """
    from webhook.cli.probe import probe_service

    answered = probe_service(url, profile.split(","), label or [], ca_file, ca, wait)
    raise typer.Exit(0 if answered else FOUND)


def try_locally(
    review: Annotated[Path, typer.Option(help="An AdmissionReview of a pod, as JSON.")],
    policy: PolicyFile = None,
    values: Values = None,
    profile: Annotated[str, typer.Option(help="The profile that places the pod.")] = "default",
    tls_dir: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the local certificate. Default: .local/tls, or a temporary one if it cannot be written."
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="The port for reviews.")] = 8443,
    operations_port: Annotated[int, typer.Option(help="The port for probes and metrics.")] = 8080,
    page_port: Annotated[
        int, typer.Option(min=1, max=65535, help="The port of the page with the playground and the live view.")
    ] = 8081,
) -> None:
    """Serve on this machine, send one review, and show what happens to its pod.

    Makes a certificate for this machine, prints the address of the page, and serves until Ctrl-C.

    Exit code: 0 at the end, 1 after a bug, 2 if the input cannot be used.

    Example: `spark-eci-webhook try --review review.json`
    """
    from webhook.cli.policies import read_policy
    from webhook.cli.try_locally import Ports, try_out

    given = read_policy(policy, values or ()) if policy or values else None
    try_out(review, given, profile, tls_dir, Ports(port, operations_port, page_port))


def overflow(
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The namespace of the Lease.")],
    policy: Annotated[
        Path | None,
        typer.Option(help="The policy file, the same as the admission service has.", show_default=False),
    ] = None,
    values: Values = None,
    lease: Annotated[
        str, typer.Option(help="The Lease by which one of several controllers opens pods.")
    ] = "spark-eci-webhook-overflow",
    watch_namespace: Annotated[
        list[str] | None, typer.Option(help="Open only pods of this namespace; may be repeated. Default: all.")
    ] = None,
    default_profile: Annotated[
        str | None,
        typer.Option(help="The profile for namespaces without the label, as in the webhook's configuration."),
    ] = None,
    qps: Annotated[float, typer.Option(min=1, max=10_000, help="The most pods to open a second.")] = 100,
    host: Annotated[str, typer.Option(help="The address for /healthz, /readyz and /metrics; :: for all.")] = "::",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for them, over HTTP. 0 for any.")] = 8080,
    kubeconfig: Annotated[Path | None, typer.Option(help="A kubeconfig, if not the pod's ServiceAccount.")] = None,
    identity: Annotated[
        str | None,
        typer.Option(help="The start of its name as the holder of the Lease. Default: the name of this machine."),
    ] = None,
    log_level: Annotated[Literal["debug", "info", "warning", "error"], typer.Option(help="How much to log.")] = "info",
    log_format: Annotated[Literal["auto", "json", "text"], typer.Option(help="The format of log lines.")] = "auto",
) -> None:
    """Open the virtual node to pods in the mode `ecs-then-eci` that stay unschedulable.

    Adds to such a pod the tolerations of the virtual node, once it has been unschedulable for as long as its rule says.
    Whether it does is decided by the policy, not by the pod's labels. It needs permissions to get, list, watch and
    patch pods, to list and watch namespaces, to create Events, and to get, create and update its Lease. SIGTERM ends
    it.

    Exit code: 0 at the end, 1 after a bug, 2 if the input cannot be used.

    Example: `spark-eci-webhook overflow --policy policy.yaml --namespace spark-eci-webhook`
    """
    from webhook.cli.overflow import open_pods
    from webhook.overflow.controller import Options
    from webhook.overflow.process import ProcessOptions, new_identity

    options = Options(namespace, lease, new_identity(identity), watch_namespace or [], qps, default_profile)
    process = ProcessOptions(host, port, kubeconfig, log_level, log_format)
    raise typer.Exit(open_pods(policy, values or (), options, process))


def serve(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Answer AdmissionReviews over HTTPS; `serve --help` lists the settings."""
    from webhook.service.server import run

    raise typer.Exit(run(arguments or []))
