"""The commands for people. `serve` stands apart, in webhook.service."""

import sys
from collections.abc import Sequence
from typing import Annotated, Final

import typer
from typer.exceptions import TyperException

from webhook import __version__
from webhook.cli.lazy import LazyGroup
from webhook.cli.terminal import BAD_INPUT, InputError, errors

PROGRAM: Final = "spark-eci-webhook"
#: Exit code where nobody reads the output to its end.
_UNREAD: Final = 1


class _Commands(LazyGroup):
    lazy = {  # noqa: RUF012, read only
        "explain": ("webhook.cli.explain:explain", "Say where the pods of an application will run, and why."),
        "diff": ("webhook.cli.difference:diff", "Say which applications a changed policy would place differently."),
        "doctor": (
            "webhook.cli.doctor.command:doctor",
            "Check the installation in a cluster, and say how to fix it.",
        ),
        "resource-policy": (
            "webhook.cli.resource_policy:resource_policy",
            "Write a ResourcePolicy: ECS first, then ECI.",
        ),
        "validate": ("webhook.cli.policy:validate", "Check a policy file and print what each of its profiles does."),
        "schema": ("webhook.cli.policy:schema", "Print the JSON Schema of the policy file."),
        "probe": (
            "webhook.cli.probe:probe",
            "Send a running service a review for each profile, and check the answers.",
        ),
        "try": (
            "webhook.cli.try_locally:try_out",
            "Serve on this machine, send one review, show what becomes of its pod.",
        ),
    }


app = typer.Typer(
    name=PROGRAM,
    cls=_Commands,
    help="Places Spark pods on ECS and ECI, for whole namespaces.",
    epilog="`spark-eci-webhook COMMAND --help` tells more of each, with examples.",
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


@app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
def serve(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Answer AdmissionReviews over HTTPS; `serve --help` lists the settings."""
    from webhook.service.server import run  # noqa: PLC0415

    raise typer.Exit(run(arguments or []))


def run_command(arguments: Sequence[str]) -> int:
    """Runs the command that `arguments` name; returns the exit code: 2 with one sentence for input it cannot use."""
    try:
        code = app(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; what is left would be written once more at the end.
        sys.stdout = None
        return _UNREAD
    except OSError as error:
        errors.print(f"{error.filename or 'standard output'}: {error.strerror}", markup=False, highlight=False)
        return BAD_INPUT
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except InputError as error:
        errors.print(*error.sentences, sep="\n", markup=False, highlight=False)
        return BAD_INPUT
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else PROGRAM
        errors.print(f"{_sentence(error.format_message())} (see {command} --help)", markup=False, highlight=False)
        return BAD_INPUT
    return code if isinstance(code, int) else 0


def _sentence(message: str) -> str:
    # typer checks values by pydantic, which announces what kind of error follows.
    sentence = message.replace("Value error, ", "").rstrip(".")
    return sentence[:1].lower() + sentence[1:]
