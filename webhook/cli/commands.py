"""The signature and the help of every command. Each body imports what it needs, so that no command loads another's."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from webhook import __version__
from webhook.cli.options import (
    Files,
    Ignore,
    Namespace,
    OperatorVersion,
    PolicyFile,
    Profile,
    SkipOtherKinds,
    SparkVersion,
)
from webhook.cli.terminal import InputError, working

PROGRAM: Final = "spark-eci-webhook"
#: Exit code of `diff` if something differs, of `doctor` if it finds a fault, of `probe` if an answer is not right.
FOUND: Final = 1

app = typer.Typer(
    name=PROGRAM,
    help="Places Spark pods on ECS and ECI, for whole namespaces.",
    epilog=f"Run `{PROGRAM} COMMAND --help` for details and examples.",
    invoke_without_command=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:  # noqa: FBT001, typer calls it so
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def explain(
    file: Files = None,
    policy: PolicyFile = None,
    profile: Profile = None,
    output: Annotated[
        Literal["text", "diff", "yaml", "json", "patch"], typer.Option("--output", "-o", help="What to print.")
    ] = "text",
    beside: Annotated[
        Literal["spark-operator"] | None,
        typer.Option(
            help="Show each pod as that webhook and this one change it, in both orders, and whether the results agree."
        ),
    ] = None,
    namespace: Namespace = "default",
    ignore: Ignore = None,
    operator_version: OperatorVersion = None,
    spark_version: SparkVersion = None,
    *,
    summary: Annotated[
        bool,
        typer.Option(
            "--summary", help="Print one line for each application, and how many pods of each mode there are."
        ),
    ] = False,
    skip_other_kinds: SkipOtherKinds = False,  # noqa: ARG001, without effect
) -> None:
    """Show where the pods of an application will run, and why.

    Reads SparkApplication, ScheduledSparkApplication, SparkConnect, SparkCluster, Pod, List and AdmissionReview, of the
    Spark Operator and of Apache's operator, as YAML or JSON, and passes over other kinds. For each pod it shows the
    mode and where the mode comes from, each change with its reason, what was left alone and why, warnings, and the
    scheduling fields before and after, or why the pod is never made. The decision is made by the service's own code:
    `-o patch` prints what the service would answer, byte for byte.

    Exit code: 0 if there is nothing to report, 3 if there are warnings, 4 if pods never run, 2 if a part of the input
    cannot be used; the rest is explained nevertheless. 2 outweighs 4, and 4 outweighs 3.

    For example:

    - `spark-eci-webhook explain -f spark-pi.yaml`
    - `spark-eci-webhook explain -f apps/ --policy policy.yaml --profile eci-only -o diff`
    - `spark-eci-webhook explain -f . --ignore charts --ignore '*.tmpl.yaml' --summary`
    - `kubectl get sparkapplication spark-pi -o yaml | spark-eci-webhook explain -f -`
    - `spark-eci-webhook explain -f spark-pi.yaml --beside spark-operator`
    """
    from webhook.cli.explain import print_explanation
    from webhook.cli.inputs import read_inputs, read_versions

    if beside is not None and (summary or output != "text"):
        raise InputError(f"--beside prints text only: leave out {'--summary' if summary else '-o'}")
    if summary and output in ("diff", "patch"):
        raise InputError(f"--summary has no format {output}; accepted: text, yaml, json")
    versions = read_versions(operator_version, spark_version)
    inputs = read_inputs(file or [], namespace, versions, ignore or ())
    raise typer.Exit(print_explanation(inputs, policy, profile, output, beside=beside is not None, summarised=summary))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The policy file before the change.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The policy file after the change.", show_default=False)],
    file: Files = None,
    profile: Profile = None,
    output: Annotated[
        Literal["text", "markdown", "json"], typer.Option("--output", "-o", help="How to print the table.")
    ] = "text",
    namespace: Namespace = "default",
    ignore: Ignore = None,
    operator_version: OperatorVersion = None,
    spark_version: SparkVersion = None,
    *,
    all_profiles: Annotated[
        bool, typer.Option("--all-profiles", help="Compare every application under every profile of either policy.")
    ] = False,
    skip_other_kinds: SkipOtherKinds = False,  # noqa: ARG001, without effect
) -> None:
    """Show which applications a changed policy would place differently.

    Pods that never run are no difference.

    Exit code: 0 if nothing differs, 1 if something does, 2 if a part of the input cannot be used; the rest is compared
    nevertheless.

    For example:

    - `spark-eci-webhook diff policy.yaml changed.yaml -f apps/`
    - `spark-eci-webhook diff <(git show main:policy.yaml) policy.yaml -f apps/ -o markdown`
    """
    from webhook.cli.diff import print_differences
    from webhook.cli.inputs import read_inputs, read_versions

    if all_profiles and profile is not None:
        raise InputError("--profile and --all-profiles exclude each other: leave out one")
    versions = read_versions(operator_version, spark_version)
    inputs = read_inputs(file or [], namespace, versions, ignore or ())
    differ = print_differences(inputs, (old, new), profile, output, all_profiles=all_profiles)
    raise typer.Exit(FOUND if differ else 0)


@app.command()
def doctor(
    context: Annotated[
        str | None, typer.Option(help="The context of the kubeconfig. Default: its current context.")
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            help="Check the Spark pods of this namespace only. Default: those of every namespace that opted in.",
        ),
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--output", "-o", help="How to print the findings.")
    ] = "text",
) -> None:
    """Check the installation in a cluster and show the commands that fix it.

    Changes nothing. Uses your own permissions, and reports what they do not allow it to check. ✓ means that nothing is
    wrong; ! means a warning, or something that could not be checked; ✗ means a fault.

    Exit code: 0 if there is no fault, 1 if there is one, 2 if no cluster can be reached.

    For example:

    - `spark-eci-webhook doctor`
    - `spark-eci-webhook doctor --context production --namespace etl -o json`
    """
    from webhook.cli.doctor.examination import examine, open_cluster
    from webhook.cli.doctor.output import print_findings

    with working("asking the cluster"):
        findings = examine(open_cluster(context), namespace)
    faulty = print_findings(findings, as_json=output == "json")
    raise typer.Exit(FOUND if faulty else 0)


@app.command()
def resource_policy(
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace of the ResourcePolicy and its pods.")
    ] = "default",
    name: Annotated[str, typer.Option(help="The name of the ResourcePolicy.")] = "sparkapplication-resource-policy",
    ecs_max: Annotated[int | None, typer.Option(help="The most pods on ECS. Default: any number.")] = None,
    eci_max: Annotated[int | None, typer.Option(help="The most pods on ECI. Default: any number.")] = None,
    node_selector: Annotated[
        list[str] | None, typer.Option(help="A label KEY=VALUE that ECS nodes must have; may be repeated.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="A label KEY=VALUE of the pods; may be repeated. Default: the Spark Operator's own."),
    ] = None,
    *,
    per_application: Annotated[
        bool, typer.Option("--per-application", help="Count the pods of each submission separately.")
    ] = False,
) -> None:
    """Write a ResourcePolicy with which the ACK scheduler fills ECS first, then ECI.

    It applies to pods that the Spark Operator launched, or to those with other labels; give these the mode
    `resource-policy`. Pods above both maximums wait. Apply the output with kubectl.

    For example, for one driver and five executors, this places two on ECS, three on ECI, and one waits:

    - `spark-eci-webhook resource-policy --ecs-max 2 --eci-max 3 --node-selector kubernetes.io/arch=amd64
      --per-application`
    """
    from webhook.cli.resource_policy import print_resource_policy

    print_resource_policy(
        namespace, name, ecs_max, eci_max, node_selector or [], label or [], per_application=per_application
    )


@app.command()
def validate(
    policy: Annotated[Path | None, typer.Argument(help="The policy file. Default: the built-in policy.")] = None,
) -> None:
    """Check a policy file and show what each of its profiles does.

    Exit code: 0 if the policy can be used, 2 if it cannot.

    Example: `spark-eci-webhook validate policy.yaml`
    """
    from webhook.cli.validate import print_policy

    print_policy(policy)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the policy file.

    Example: `spark-eci-webhook schema > policy.schema.json`
    """
    from webhook.cli.validate import print_schema

    print_schema()


@app.command()
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


@app.command("try")
def try_locally(
    review: Annotated[Path, typer.Option(help="An AdmissionReview of a pod, as JSON.")],
    policy: PolicyFile = None,
    profile: Annotated[str, typer.Option(help="The profile that places the pod.")] = "default",
    tls_dir: Annotated[Path, typer.Option(help="The folder of the local certificate.")] = Path(".local/tls"),
    port: Annotated[int, typer.Option(help="The port for reviews.")] = 8443,
    operations_port: Annotated[int, typer.Option(help="The port for probes and metrics.")] = 8080,
) -> None:
    """Serve on this machine, send one review, and show what happens to its pod.

    Makes a certificate for this machine, and serves until Ctrl-C.

    Example: `spark-eci-webhook try --review review.json`
    """
    from webhook.cli.try_locally import try_out

    try_out(review, policy, profile, tls_dir, port, operations_port)


@app.command()
def overflow(
    policy: Annotated[Path, typer.Option(help="The policy file, the same as the admission service has.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="The namespace of the Lease.")],
    lease: Annotated[
        str, typer.Option(help="The Lease by which one of several controllers opens pods.")
    ] = "spark-eci-webhook-overflow",
    watch_namespace: Annotated[
        list[str] | None, typer.Option(help="Open only pods of this namespace; may be repeated. Default: all.")
    ] = None,
    qps: Annotated[float, typer.Option(min=1, max=10_000, help="The most pods to open a second.")] = 100,
    host: Annotated[
        str | None, typer.Option(help="The address for /healthz, /readyz and /metrics. Default: all addresses.")
    ] = None,
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
    from webhook.overflow.process import ProcessOptions, every_address, new_identity

    options = Options(namespace, lease, new_identity(identity), watch_namespace or [], qps)
    process = ProcessOptions(host or every_address(), port, kubeconfig, log_level, log_format)
    raise typer.Exit(open_pods(policy, options, process))


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
def serve(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Answer AdmissionReviews over HTTPS; `serve --help` lists the settings."""
    from webhook.service.server import run

    raise typer.Exit(run(arguments or []))
