"""The options that several commands have, with their help."""

from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        help="A YAML or JSON file, a folder with all folders in it, or - for standard input; may be repeated.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Leave out files and folders inside the folders of -f, as a line of a .gitignore does; may be repeated.",
    ),
]
PolicyFile = Annotated[Path | None, typer.Option(help="The policy file. Default: the built-in policy.")]
Values = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="A file of values for the chart, in place of --policy; may be repeated; the last one wins.",
    ),
]
FromCluster = Annotated[
    bool,
    typer.Option("--cluster", help="Read applications, namespaces and the policy from a cluster, in place of -f."),
]
Contexts = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="The context of the kubeconfig; may be repeated. Default: its current context.",
        show_default=False,
    ),
]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="The kubeconfig. Default: $KUBECONFIG, or your own.", show_default=False)
]
Profile = Annotated[
    str | None,
    typer.Option(
        help=(
            "The profile for all pods. Default: that of their Namespace if the files have it, or else the default "
            "profile of the values, or `default`."
        )
    ),
]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="The namespace of objects that name none.")]
NamespaceOrAll = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        help="The namespace of objects that name none; default: `default`. With --cluster: the only one to read.",
        show_default=False,
    ),
]
OperatorVersion = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION", help="The release of the Spark Operator, such as 2.1. Default: the newest that is known."
    ),
]
SparkVersion = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION",
        help="The version of Spark, such as 3.5.2. Default: that of the application, or else the newest that is known.",
    ),
]
SkipOtherKinds = Annotated[
    bool,
    typer.Option("--skip-other-kinds", help="Has no effect: documents of other kinds are always passed over."),
]
