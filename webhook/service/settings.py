"""Settings of the serving process: flags, else environment variables with the prefix ECI_WEBHOOK_, else defaults."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, CliApp, NoDecode, SettingsConfigDict

from webhook.service.flags import PROGRAM, FlagError, checked, shown

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Timeout = Annotated[float, Field(gt=0, le=3600)]
LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "text"]


class SettingsError(Exception):
    """A flag or an environment variable cannot be used; the message has one line for each."""


class Settings(BaseSettings):
    """Every setting of `serve`.

    Exit code: 0 at the end, 1 after a bug, 2 if a setting, the policy or the certificate cannot be used.
    """

    model_config = SettingsConfigDict(
        env_prefix="ECI_WEBHOOK_",
        extra="forbid",
        frozen=True,
        cli_prog_name=PROGRAM,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        use_attribute_docstrings=True,
    )

    policy: Path | None = None
    """The policy file. Without it the built-in policy applies."""
    values: Annotated[tuple[Path, ...], NoDecode] = ()
    """Files of values for the chart, in place of a policy file, separated by commas; of several, the last one wins."""
    tls_dir: Path = Path(".local/tls")
    """The folder with tls.crt, tls.key and ca.crt."""
    host: str = "127.0.0.1"
    """The address for reviews. `::` stands for all addresses of IPv6 and IPv4."""
    port: Port = 8443
    """The port for reviews, over HTTPS. 0 for any free port."""
    operations_host: str = "127.0.0.1"
    """The address for /livez, /readyz and /metrics, as `host`."""
    operations_port: Port = 8080
    """The port for /livez, /readyz and /metrics, over HTTP. 0 for any free port."""
    page_port: Port | None = None
    """The port of the page, over HTTP on loopback only. 0 for any free port. Without it there is no page."""
    max_body_bytes: Annotated[int, Field(ge=1024, le=64 * 1024**2)] = 4 * 1024**2
    """The largest review, in bytes. A larger one gets 413. All bodies together may take 3 times as much."""
    max_head_bytes: Annotated[int, Field(ge=1024, le=1024**2)] = 16 * 1024
    """The largest request line with headers, in bytes. A larger one gets 431."""
    max_in_flight: Annotated[int, Field(ge=1)] = 1024
    """The most reviews that were read and are not answered. Further calls get 503 at once."""
    max_connections: Annotated[int, Field(ge=16)] = 256
    """The most connections to each port. Beyond it, the one that is longest without a finished review is closed."""
    read_seconds: Timeout = 5
    """Time for a whole request to arrive (else 408), for the first one to begin, and for a client to read an answer."""
    handshake_seconds: Timeout = 5
    """Time for a TLS handshake, and for a client to close its side of a closed connection."""
    keep_alive_seconds: Seconds = 120
    """How long an idle connection stays open. The API server closes it after 90 seconds, and should do so first."""
    drain_seconds: Seconds = 5
    """How long requests are still accepted after SIGTERM. Meanwhile readiness fails and connections close."""
    stop_seconds: Timeout = 5
    """How long requests in flight may take after that."""
    reload_seconds: Timeout = 5
    """How often the files of certificate and client CA are checked for changes."""
    client_ca: Path | None = None
    """A file with CA certificates. If given, a client needs a certificate from one of these CAs, and TLS 1.3."""
    client_subjects: Annotated[frozenset[str], NoDecode] = frozenset()
    """Common names or DNS names of clients, separated by commas. If given, other clients get 403. Not empty."""
    log_level: LogLevel = "info"
    """The least severe log lines to write: debug, info, warning or error."""
    log_format: LogFormat = "auto"
    """The format of log lines: json, text, or auto (text on a terminal, else json)."""
    log_rate: Annotated[int, Field(ge=0)] = 1000
    """The most log lines of each kind a second. More are dropped and counted. 0: no limit."""

    @field_validator("client_subjects", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """The names in a flag or variable. An empty one is refused, because no names would mean all clients."""
        if not isinstance(value, str):
            return value
        names = frozenset(filter(None, map(str.strip, value.split(","))))
        if not names:
            raise ValueError("accepted: names separated by commas, or leave it out to allow every client of the CA")
        return names

    @field_validator("values", mode="before")
    @classmethod
    def _split_files(cls, value: object) -> object:
        """The files in a flag or variable. A flag that is given several times arrives with commas, too."""
        if not isinstance(value, str):
            return value
        files = tuple(filter(None, map(str.strip, value.split(","))))
        if not files:
            raise ValueError("accepted: files separated by commas, or leave it out")
        return files

    @model_validator(mode="after")
    def _policy_or_values(self) -> Self:
        if self.policy is not None and self.values:
            raise ValueError("--policy and --values exclude each other: leave out one")
        return self

    @model_validator(mode="after")
    def _subjects_need_an_authority(self) -> Self:
        if self.client_subjects and self.client_ca is None:
            raise ValueError("--client-subjects needs --client-ca")
        return self

    @model_validator(mode="after")
    def _page_has_its_own_port(self) -> Self:
        for name in ("port", "operations_port"):
            if self.page_port and self.page_port == getattr(self, name):
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"--page-port: found {self.page_port}, the port of {flag}; accepted: another port")
        return self


def read_settings(arguments: Sequence[str]) -> Settings:
    """The settings in `arguments` (without the command's name) and in the environment.

    Raises SettingsError. `--help` ends the process, as in argparse.
    """
    try:
        return CliApp.run(Settings, cli_args=checked(arguments, Settings.model_fields))
    except FlagError as error:
        raise SettingsError(str(error)) from None
    except ValidationError as error:
        faults = [_sentence(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors()]
        raise SettingsError("\n".join(faults)) from None


def _sentence(location: tuple[str | int, ...], message: str, found: object) -> str:
    message = message.removeprefix("Value error, ")
    if not location:
        return message
    name = str(location[0])
    flag, variable = f"--{name.replace('_', '-')}", f"ECI_WEBHOOK_{name.upper()}"
    accepted = message.replace("Input should be", "accepted:").partition(", unable to parse")[0]
    return f'{flag} (or {variable}): found "{shown(str(found))}"; {accepted}'
