"""The signature and the help of `adopt`.

Its body imports what it needs, as in commands.py.
"""

from typing import Annotated, Literal

import typer

from webhook.cli.options import (
    Contexts,
    Files,
    FromCluster,
    Ignore,
    Kubeconfig,
    NamespaceOrAll,
    OperatorVersion,
    PolicyFile,
    Profile,
    SparkVersion,
    Values,
)
from webhook.cli.terminal import InputError


def adopt(
    file: Files = None,
    policy: PolicyFile = None,
    values: Values = None,
    profile: Profile = None,
    output: Annotated[
        Literal["text", "markdown", "json"], typer.Option("--output", "-o", help="How to print the applications.")
    ] = "text",
    namespace: NamespaceOrAll = None,
    ignore: Ignore = None,
    operator_version: OperatorVersion = None,
    spark_version: SparkVersion = None,
    context: Contexts = None,
    kubeconfig: Kubeconfig = None,
    *,
    cluster: FromCluster = False,
    write: Annotated[
        bool, typer.Option("--write", help="Cut from the files what the webhook adds anyway, line by line.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Say `changes` too if an application has no placement of its own and the webhook gives it one.",
        ),
    ] = False,
) -> None:
    """Compare the placement that applications carry by hand with what the webhook gives them.

    For each application it says `same`, if the webhook gives it what it has; `changes`, and which; or `conflicts`, and
    what of its own wins. It also shows the lines of the file that are not needed any more, because the pods are the
    same without them. For a namespace without the label, the profile is the default profile of the values, or else
    `default`, or that of --profile.

    Exit code: 0 if all are the same, 1 if one changes, 3 if one conflicts, 2 if a part of the input cannot be used; the
    rest is compared nevertheless. 2 outweighs 3, and 3 outweighs 1.

    For example:

    - `spark-eci-webhook adopt -f apps/ --policy policy.yaml --strict`
    - `spark-eci-webhook adopt -f apps/ --values values.yaml -o markdown`
    - `spark-eci-webhook adopt -f apps/ --values values.yaml --write`
    """
    from webhook.cli.adopt import print_adoption
    from webhook.cli.files import STANDARD_INPUT, read_once
    from webhook.cli.inputs import read_versions
    from webhook.cli.policies import read_release
    from webhook.cli.sources import clusters, read_sources

    chosen = clusters(asked=cluster, contexts=context, kubeconfig=kubeconfig)
    if write and chosen is not None:
        raise InputError("--write changes files: leave out --cluster")
    if write and STANDARD_INPUT in (file or ()):
        raise InputError("--write changes files, and standard input is none: leave out -f -")
    read_once(policy, *(values or ()), *(file or ()))
    versions = read_versions(operator_version, spark_version)
    given = read_release(policy, values or ()) if policy or values else None
    sources = read_sources(file or [], ignore or (), namespace, versions, given, chosen)
    raise typer.Exit(print_adoption(sources, profile, output, write=write, strict=strict))
