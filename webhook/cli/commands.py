"""The signature and the help of every command. Each body imports what it needs, so that no command loads another's."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from certs.command_line import SETTINGS
from webhook import __version__
from webhook.cli import adoption_command, cluster_commands, process_commands
from webhook.cli.options import (
    Contexts,
    Files,
    FromCluster,
    Ignore,
    Kubeconfig,
    Namespace,
    NamespaceOrAll,
    OperatorVersion,
    PolicyFile,
    Profile,
    SkipOtherKinds,
    SparkVersion,
    Values,
)
from webhook.cli.terminal import FOUND, InputError

PROGRAM: Final = "spark-eci-webhook"

app = typer.Typer(
    name=PROGRAM,
    help="Places Spark pods on ECS and ECI, for whole namespaces.",
    epilog=f"Run `{PROGRAM} COMMAND --help` for details and examples.",
    invoke_without_command=True,
    context_settings=SETTINGS,
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
    values: Values = None,
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
    namespace: NamespaceOrAll = None,
    ignore: Ignore = None,
    operator_version: OperatorVersion = None,
    spark_version: SparkVersion = None,
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    *,
    cluster: FromCluster = False,
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
    Spark Operator and of Apache's operator, as YAML or JSON, and passes over other kinds. With --cluster, reads the
    applications of a cluster, or of several, under the policy that is deployed there. For each pod it shows the
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
    - `spark-eci-webhook explain --cluster --context production --context staging --summary`
    """
    from webhook.cli.explain import print_explanation
    from webhook.cli.files import read_once
    from webhook.cli.inputs import read_versions
    from webhook.cli.policies import read_release
    from webhook.cli.sources import clusters, read_sources

    if beside is not None and (summary or output != "text"):
        raise InputError(f"--beside prints text only: leave out {'--summary' if summary else '-o'}")
    if summary and output in ("diff", "patch"):
        raise InputError(f"--summary has no format {output}; accepted: text, yaml, json")
    read_once(policy, *(values or ()), *(file or ()))
    chosen = clusters(asked=cluster, contexts=context, kubeconfig=kubeconfig)
    versions = read_versions(operator_version, spark_version)
    given = read_release(policy, values or ()) if policy or values else None
    sources = read_sources(file or [], ignore or (), namespace, versions, given, chosen)
    raise typer.Exit(print_explanation(sources, profile, output, beside=beside is not None, summarised=summary))


@app.command()
def diff(
    old: Annotated[Path | None, typer.Argument(help="The policy file before the change.", show_default=False)] = None,
    new: Annotated[Path | None, typer.Argument(help="The policy file after the change.", show_default=False)] = None,
    file: Files = None,
    values: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Values of the chart before the change, in place of OLD; may be repeated."),
    ] = None,
    values_new: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Values of the chart after the change, in place of NEW; may be repeated."),
    ] = None,
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

    Takes two policy files, or values of the chart on both sides, each with its own default profile. Pods that never run
    are no difference.

    Exit code: 0 if nothing differs, 1 if something does, 2 if a part of the input cannot be used; the rest is compared
    nevertheless.

    For example:

    - `spark-eci-webhook diff policy.yaml changed.yaml -f apps/`
    - `spark-eci-webhook diff <(git show main:policy.yaml) policy.yaml -f apps/ -o markdown`
    - `spark-eci-webhook diff --values <(git show main:values.yaml) --values-new values.yaml -f apps/ -o markdown`
    """
    from webhook.cli.diff import print_differences
    from webhook.cli.files import read_once
    from webhook.cli.inputs import read_inputs, read_versions
    from webhook.cli.policies import read_both_policies

    if all_profiles and profile is not None:
        raise InputError("--profile and --all-profiles exclude each other: leave out one")
    read_once(old, new, *(values or ()), *(values_new or ()), *(file or ()))
    versions = read_versions(operator_version, spark_version)
    policies = read_both_policies((old, new), (values or (), values_new or ()))
    inputs = read_inputs(file or [], namespace, versions, ignore or ())
    differ = print_differences(inputs, policies, profile, output, all_profiles=all_profiles)
    raise typer.Exit(FOUND if differ else 0)


app.command()(adoption_command.adopt)
app.command()(cluster_commands.doctor)
app.command()(cluster_commands.why)


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

    Exit code: 0 if it is written, 2 if the input cannot be used.

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
    policy: Annotated[
        Path | None, typer.Argument(help="The policy file, or - for standard input. Default: the built-in policy.")
    ] = None,
    values: Values = None,
) -> None:
    """Check a policy file, or values of the chart, and show what each profile does.

    Values are refused if Helm would refuse them, too, in the policy or elsewhere.

    Exit code: 0 if the policy can be used, 2 if it cannot.

    For example:

    - `spark-eci-webhook validate policy.yaml`
    - `git show main:policy.yaml | spark-eci-webhook validate -`
    - `spark-eci-webhook validate --values values.yaml --values production.yaml`
    """
    from webhook.cli.files import read_once
    from webhook.cli.validate import print_policy

    if policy and values:
        raise InputError("POLICY and --values exclude each other: leave out one")
    read_once(*(values or ()))
    print_policy(policy, values or ())


@app.command()
def schema() -> None:
    """Print the JSON Schema of the policy file.

    Exit code: 0 if it is printed, 2 if it cannot be.

    Example: `spark-eci-webhook schema > policy.schema.json`
    """
    from webhook.cli.validate import print_schema

    print_schema()


app.command()(process_commands.probe)
app.command("try")(process_commands.try_locally)
app.command()(process_commands.overflow)
app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})(process_commands.serve)
