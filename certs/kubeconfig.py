"""Which cluster to call, and as whom: by a kubeconfig, or as the ServiceAccount of this pod."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes import client, config
from kubernetes.config import kube_config

from certs.errors import InputError, LoginError
from certs.kubeconfig_faults import absent_name

#: How many connections are kept. A controller has some that watch, and some that write at the same time.
_CONNECTIONS: Final = 32
#: How many characters of a kubeconfig's fault are repeated; an exec plugin may write any number.
_FAULT_LIMIT: Final = 300


def api_client(
    kubeconfig: Path | None = None, context: str | None = None, *, in_cluster: bool = False
) -> client.ApiClient:
    """A client for a context of a kubeconfig, by default the current context of `$KUBECONFIG` or the user's own file.

    With `in_cluster` and without `kubeconfig`, for the cluster of this pod, as its ServiceAccount. Raises InputError.
    """
    accepted = "a kubeconfig, or in a pod its ServiceAccount" if in_cluster and kubeconfig is None else "a kubeconfig"
    settings = client.Configuration()
    settings.retries = False  # the caller itself waits and retries; urllib3 would do so without a log line
    settings.keep_alive = True
    settings.connection_pool_maxsize = _CONNECTIONS
    path = str(kubeconfig) if kubeconfig else None
    with _faults(accepted, path):
        if in_cluster and kubeconfig is None:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            with _logged_errors:
                config.load_kube_config(path, context, settings, persist_config=False)  # type: ignore[no-untyped-call]
        if not settings.host.startswith(("http://", "https://")):
            raise ValueError("the context has no server with https:// or http://")
    return client.ApiClient(settings)


def current_context(kubeconfig: Path | None = None) -> str:
    """The name of the current context of `kubeconfig`, or else of `$KUBECONFIG` or the user's. Raises InputError."""
    path = str(kubeconfig) if kubeconfig else None
    with _faults("a kubeconfig", path):
        _, active = config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
        return str(active["name"])


@contextmanager
def _faults(accepted: str, path: str | None) -> Iterator[None]:
    """Turns the errors of the library about the kubeconfig at `path` into an InputError."""
    kind = InputError
    try:
        yield
    except _LoginFault as error:
        kind, fault = LoginError, _shown(error)
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        if absent := absent_name(error, path):
            raise InputError(f"no cluster: {absent}") from None
        fault = _shown(error)
    except (TypeError, AttributeError):
        # The library raises these if YAML is not a kubeconfig, or if it cannot refresh a token of gcp.
        fault = "not a kubeconfig, or one with an auth-provider that is not supported"
    else:
        return
    raise kind(f"no cluster: {fault}; accepted: {accepted}")


def _shown(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:_FAULT_LIMIT]


def context_namespace(kubeconfig: Path | None = None, context: str | None = None) -> str | None:
    """The namespace of a context of a kubeconfig, by default as `api_client` chooses them; None if it names none.

    Raises InputError if there is no such context.
    """
    path = str(kubeconfig) if kubeconfig else None
    with _faults("a kubeconfig", path):
        contexts, active = config.list_kube_config_contexts(path)  # type: ignore[no-untyped-call]
    chosen = active if context is None else next((one for one in contexts if one["name"] == context), None)
    found = ((chosen or {}).get("context") or {}).get("namespace")
    return None if found is None else str(found)


class _LoginFault(config.ConfigException):
    """The library cannot get the credentials of a user."""


class _LoggedErrors(logging.Handler):
    """Raises, in threads that entered it, what the library only logs: that an exec plugin of the kubeconfig fails."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._threads: set[int] = set()
        self._entry = threading.Lock()

    def __enter__(self) -> None:
        with self._entry:
            self._threads.add(threading.get_ident())
            logging.getLogger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        # A handler that is removed while another thread logs may hide the next one from it, so all share this one.
        with self._entry:
            self._threads.remove(threading.get_ident())
            if not self._threads:
                logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if threading.get_ident() in self._threads:
            raise _LoginFault(record.getMessage())


_logged_errors: Final = _LoggedErrors()


class _CertificateFiles:
    """Writes the files of a kubeconfig's certificates, for one thread at a time.

    The library remembers a file by its content before it has written it (kubernetes 37.0.2, config/kube_config.py,
    line 75), so another thread with the same certificate would read an empty file; and of two that are written at the
    same time it forgets one, which then stays after the exit.
    """

    def __init__(self, write: Callable[..., str]) -> None:
        self._write = write
        self._turn = threading.Lock()

    def __call__(self, *content: Any, **options: Any) -> str:
        with self._turn:
            return self._write(*content, **options)


# The lock must not be held around exec plugins, which may take any time, so it cannot be in `api_client`.
kube_config._create_temp_file_with_content = _CertificateFiles(kube_config._create_temp_file_with_content)  # noqa: SLF001
