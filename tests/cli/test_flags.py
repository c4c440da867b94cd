"""Mistakes in how a command is called: one sentence for each, exit code 2, and the nearest of what is accepted."""

import re

import pytest
import typer

from certs.__main__ import app as certs_app
from certs.usage import nearest
from tests.cli.programs import CERTS, WEBHOOK, call, in_a_process
from webhook.cli.commands import app
from webhook.service.settings import Settings

COMMANDS = {WEBHOOK: typer.main.get_command(app).commands, CERTS: typer.main.get_command(certs_app).commands}  # type: ignore[attr-defined]
#: Every command of both programs.
EVERY = [(program, name) for program, commands in COMMANDS.items() for name in commands]


@pytest.mark.parametrize(
    ("call_", "sentence"),
    [
        ("explain --profle default", "unknown option --profle; did you mean --profile?"),
        ("explain --polcy=x", "unknown option --polcy; did you mean --policy?"),
        ("explain --PROFILE x", "unknown option --PROFILE; did you mean --profile?"),
        ("explain --operator 2.1", "unknown option --operator; did you mean --operator-version?"),
        ("explain -policy x", "unknown option -policy; did you mean --policy?"),
        ("explain x.yaml y.yaml", "unexpected argument x.yaml y.yaml; accepted: -f before each file and folder"),
        ("explain -f", "option -f needs a value"),
        ("explain --summary=yes", "option --summary takes no value"),
        ("explain -f x -o xml", '--output: found "xml"; accepted: text, diff, yaml, json, patch'),
        ("why", "missing argument POD: the name of the pod"),
        ("why a b", "unexpected argument b; accepted: POD"),
        ("adopt apps/", "unexpected argument apps/; accepted: -f before each file and folder"),
        ("adopt --wirte -f apps", "unknown option --wirte; did you mean --write?"),
        ("diff old.yaml new.yaml apps", "unexpected argument apps; accepted: -f before each file and folder"),
        ("validate a.yaml b.yaml", "unexpected argument b.yaml; accepted: POLICY"),
        ("schema policy", "unexpected argument policy; accepted: options only"),
        ("probe", "missing option --url: the service, as https://HOST:PORT"),
        ("overflow --policy p --namespace n --qps many", '--qps: found "many"; accepted: a valid number'),
        ("overflow --policy p --namespace n --qps 0", '--qps: found "0"; accepted: greater than or equal to 1'),
        ("serve --polcy x", "unknown option --polcy; did you mean --policy?"),
        ("serve --polcy=x", "unknown option --polcy; did you mean --policy?"),
        ("serve --max-body 1024", "unknown option --max-body; did you mean --max-body-bytes?"),
        ("serve -port 1", "unknown option -port; did you mean --port?"),
        ("serve policy.yaml", "unexpected argument policy.yaml; accepted: options only"),
        ("serve --port", "option --port needs a value"),
        ("serve --policy --port 1", "option --policy needs a value"),
    ],
)
def test_a_mistake_is_one_sentence(call_: str, sentence: str) -> None:
    command, *arguments = call_.split()
    assert call(WEBHOOK, command, *arguments) == (2, "", f"{sentence} (see {WEBHOOK} {command} --help)\n")


def test_an_option_that_is_near_none_gets_a_list_with_the_number_of_the_others() -> None:
    code, out, error = call(WEBHOOK, "serve", "--xyz")
    assert (code, out) == (2, "")
    accepted = re.fullmatch(
        r"unknown option --xyz; accepted: (.+), and (\d+) more \(see spark-eci-webhook serve --help\)\n", error
    )
    assert accepted
    flags = [f"--{name.replace('_', '-')}" for name in Settings.model_fields]
    listed = accepted[1].split(", ")
    assert listed == flags[: len(listed)]
    assert len(listed) + int(accepted[2]) == len(flags)


@pytest.mark.parametrize(
    ("program", "arguments", "sentence"),
    [
        (WEBHOOK, "explian -f x", "unknown command explian; did you mean explain?"),
        (WEBHOOK, "serv --port 1", "unknown command serv; did you mean serve?"),
        (WEBHOOK, "it's", f"unknown command it's; accepted: {', '.join(COMMANDS[WEBHOOK])}"),
        (WEBHOOK, "--policy x explain", "unknown option --policy; did you mean COMMAND --policy?"),
        (WEBHOOK, "--polcy x explain", "unknown option --polcy; did you mean COMMAND --policy?"),
        (WEBHOOK, "--vers", "unknown option --vers; did you mean --version?"),
        (CERTS, "isue", "unknown command isue; did you mean issue?"),
        (CERTS, "xyz", "unknown command xyz; accepted: issue, show, controller"),
        (CERTS, "--dir x", "unknown option --dir; did you mean COMMAND --dir?"),
    ],
)
def test_a_mistake_before_or_in_the_commands_name_is_one_sentence(program: str, arguments: str, sentence: str) -> None:
    assert call(program, *arguments.split()) == (2, "", f"{sentence} (see {program} --help)\n")


@pytest.mark.parametrize(
    ("call_", "sentence"),
    [
        ("issue --oot x", "unknown option --oot; did you mean --out?"),
        ("issue", "missing option --out: the folder for ca.crt, tls.crt and tls.key"),
        ("issue --out x", "missing option --host: a DNS name or IP address to serve as; repeatable"),
        ("show --server", "option --server needs a value"),
        ("show x", "unexpected argument x; accepted: options only"),
        (
            "show --xyz",
            "unknown option --xyz; accepted: --dir, --secret, --server, --ca, --server-name, --host, --context, --kubeconfig",
        ),
        ("controller", "missing option --namespace: the namespace of both Secrets and the Service"),
        ("controller --log-level loud", '--log-level: found "loud"; accepted: debug, info, warning, error'),
    ],
)
def test_a_mistake_for_certificates_is_one_sentence(call_: str, sentence: str) -> None:
    command, *arguments = call_.split()
    if command == "controller" and arguments:
        required = ("namespace", "ca-secret", "serving-secret", "configuration", "service", "deployment")
        arguments += [f"--{name}=x" for name in required]
    assert call(CERTS, command, *arguments) == (2, "", f"{sentence} (see {CERTS} {command} --help)\n")


@pytest.mark.parametrize(("program", "command"), EVERY)
def test_every_option_of_every_command_is_found_again_after_a_slip(program: str, command: str) -> None:
    """One letter is missing from its end, its middle, or there is one more. Another option may be as near."""
    options = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    if command != "serve":
        options = {name for one in COMMANDS[program][command].params for name in one.opts if name.startswith("--")}
    for option in options:
        middle = len(option) // 2 + 1
        for slip in {option[:-1], option[:middle] + option[middle + 1 :], f"{option}s"} - options:
            assert nearest(slip, sorted(options)), slip
    slip = f"{max(options, default='--help')}x"
    code, out, error = call(program, command, slip)
    assert (code, out) == (2, "")
    assert error == f"unknown option {slip}; did you mean {slip[:-1]}? (see {program} {command} --help)\n"


@pytest.mark.parametrize(("program", "command"), [*EVERY, (WEBHOOK, ""), (CERTS, "")])
def test_help_is_found_again_after_a_slip(program: str, command: str) -> None:
    path = f"{program} {command}".rstrip()
    sentence = f"unknown option --hlp; did you mean --help? (see {path} --help)\n"
    assert call(program, *command.split(), "--hlp") == (2, "", sentence)


@pytest.mark.parametrize(("program", "command"), [(WEBHOOK, "schema"), (CERTS, "")])
def test_what_is_accepted_is_left_out_if_nothing_is(program: str, command: str) -> None:
    path = f"{program} {command}".rstrip()
    assert call(program, *command.split(), "--xyz") == (2, "", f"unknown option --xyz (see {path} --help)\n")


@pytest.mark.parametrize("command", ["explain", "serve", "explian\x1b[31m"])
def test_what_was_typed_is_shown_on_one_line_and_cut(command: str) -> None:
    typed = "--\x1b[31m\n\udcff" + "x" * 10_000
    code, out, error = call(WEBHOOK, command, typed, typed)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert error.removesuffix("\n").isprintable()
    assert len(error) < 400


@pytest.mark.parametrize("call_", ["serve --port=", "serve --log-level=", "overflow --policy p --namespace n --qps="])
def test_a_value_that_is_not_accepted_is_shown_on_one_line_and_cut(call_: str) -> None:
    *words, last = call_.split()
    code, out, error = call(WEBHOOK, *words, last + "--\x1b[31m\x07\udcff" + "x" * 10_000)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert f'found "--?[31m??{"x" * 50}…"; accepted: ' in error


@pytest.mark.parametrize(("program", "command"), [*EVERY, (WEBHOOK, ""), (CERTS, "")])
def test_h_is_help_by_the_programs_own_name(program: str, command: str) -> None:
    before = [command] if command else []
    code, out, error = call(program, *before, "-h")
    assert (code, error) == (0, "")
    assert out == call(program, *before, "--help")[1]
    assert " ".join(out.split()).lower().startswith(f"usage: {' '.join([program, *before])} ")
    assert "python -m" not in out


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (WEBHOOK, "explain --profle default"),
        (WEBHOOK, "serve --policy p --values v"),
        (WEBHOOK, "serve --polcy=x"),
        (WEBHOOK, "-h"),
        (WEBHOOK, "serve -h"),
        (CERTS, "isue"),
        (CERTS, "show -h"),
    ],
)
def test_a_process_says_the_same(program: str, arguments: str) -> None:
    assert in_a_process(program, *arguments.split()) == call(program, *arguments.split())
