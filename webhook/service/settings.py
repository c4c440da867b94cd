"""Settings of the serving process: flags, else environment variables with the prefix ECI_WEBHOOK_, else defaults."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


#: The least severe lines that are written.
LogLevel = Literal["debug", "info", "warning", "error"]
#: How lines are written; `auto` is `text` on a terminal and else `json`.
LogFormat = Literal["auto", "json", "text"]


class SettingsError(Exception):
    """A flag or an environment variable cannot be used; `faults` holds one sentence for each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """Every setting of `serve`. Ports may be 0 for any free one."""

    model_config = SettingsConfigDict(
        env_prefix="ECI_WEBHOOK_",
        extra="forbid",
        frozen=True,
        cli_prog_name="python -m webhook serve",
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        use_attribute_docstrings=True,
    )

    policy: Path | None = None
    """The policy file; without one the built-in policy is in force."""
    tls_dir: Path = Path(".local/tls")
    """The folder that holds tls.crt, tls.key and ca.crt."""
    host: str = "127.0.0.1"
    """The address on which reviews are served."""
    port: Port = 8443
    """The port on which reviews are served over HTTPS."""
    operations_host: str = "127.0.0.1"
    """The address on which /livez, /readyz and /metrics are served."""
    operations_port: Port = 8080
    """The port on which /livez, /readyz and /metrics are served over HTTP."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024**2)] = 4 * 1024**2
    """The largest review that is read, in bytes; a larger one is answered with 413. All together: 16 times it."""
    max_head_bytes: Annotated[int, Field(ge=1024, le=1024**2)] = 16 * 1024
    """The largest request line with headers, in bytes; a larger one is answered with 431."""
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """Reviews that were read and are not answered; beyond them calls are answered with 503 at once."""
    read_seconds: Annotated[float, Field(gt=0, le=3600)] = 10
    """Time for a request to come in (408), for a connection's first one to begin, and for an answer to be taken."""
    handshake_seconds: Annotated[float, Field(gt=0, le=3600)] = 10
    """Time for a TLS handshake, and for a client to end its side of a connection that was closed."""
    keep_alive_seconds: Seconds = 120
    """How long an idle connection is kept; longer than the API server's 90, so that it is the one to close."""
    drain_seconds: Seconds = 5
    """How long requests go on being accepted after SIGTERM, while readiness fails and connections close."""
    stop_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    """How long requests in flight may take after that."""
    reload_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    """How often the certificate's files are looked at."""
    client_ca: Path | None = None
    """Certificates of authorities; where given, only clients with a certificate of one of them are served."""
    client_subjects: Annotated[frozenset[str], NoDecode] = frozenset()
    """Common names or DNS names, separated by commas; where given, other clients are answered with 403."""
    log_level: LogLevel = "info"
    """The least severe log lines that are written: debug, info, warning or error."""
    log_format: LogFormat = "auto"
    """How log lines are written: json, text, or auto for text on a terminal and else json."""
    log_rate: Annotated[int, Field(ge=0)] = 1000
    """Lines a second for ordinary admissions and rejected calls; the rest is dropped and counted. 0 for no limit."""

    @field_validator("client_subjects", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return frozenset(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _subjects_need_an_authority(self) -> Self:
        if self.client_subjects and self.client_ca is None:
            raise ValueError("--client-subjects needs --client-ca beside it")
        return self


def read_settings(arguments: Sequence[str]) -> Settings:
    """The settings that `arguments` (without the command's name) and the environment state.

    Raises SettingsError. `--help`, and a flag that does not exist, end the process as argparse does.
    """
    try:
        return CliApp.run(Settings, cli_args=list(arguments))
    except ValidationError as error:
        raise SettingsError(
            [_sentence(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors()]
        ) from None


def _sentence(location: tuple[str | int, ...], message: str, found: object) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0])
    flag, variable = f"--{name.replace('_', '-')}", f"ECI_WEBHOOK_{name.upper()}"
    return f'{flag} (or {variable}): found "{found}"; {message[:1].lower()}{message[1:]}'
