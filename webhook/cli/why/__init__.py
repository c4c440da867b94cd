"""`why`: says why a pod is where it is, or why it waits."""

import re
from pathlib import Path
from typing import Final

import msgspec

from certs.cluster import connect
from certs.cluster_errors import ClusterError, NotFoundError
from certs.kubeconfig import context_namespace
from webhook.cli.terminal import InputError, working
from webhook.cli.why.absent_pod import absent_pod
from webhook.cli.why.judgement import judge
from webhook.cli.why.output import print_answer
from webhook.cli.why.reading import read_facts

#: The name of a pod (Kubernetes: DNS-1123 subdomain), and with what kubectl prints before it.
_NAME: Final = re.compile(r"(?:pods?/)?((?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)")
#: The name of a namespace (Kubernetes: DNS-1123 label).
_NAMESPACE: Final = re.compile(r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def print_reasons(
    pod: str, namespace: str | None, context: str | None, kubeconfig: Path | None, *, as_json: bool
) -> int:
    """Prints why a pod is where it is; returns the exit code.

    Raises InputError if there is no such pod, it may not be read, or no cluster can be reached.
    """
    named = _NAME.fullmatch(pod)
    if named is None:
        raise InputError(f'POD: found "{pod}"; accepted: the name of a pod, such as spark-pi-driver')
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise InputError(f'--namespace: found "{namespace}"; accepted: the name of a namespace')
    cluster = connect(kubeconfig, context)
    within, name = namespace or context_namespace(kubeconfig, context) or "default", named[1]
    with working(f"reading {within}/{name}"):
        try:
            facts = read_facts(cluster, within, name)
        except NotFoundError:
            raise InputError(absent_pod(cluster, within, name)) from None
        except ClusterError as error:
            at = f" from the cluster at {cluster.host}" if error.status is None else ""
            raise InputError(f"the pod {within}/{name} could not be read{at}: {error.reason}") from None
        except msgspec.ValidationError as error:
            raise InputError(f"the pod {within}/{name} could not be read: {error}") from None
        answer = judge(facts)
    print_answer(answer, as_json=as_json)
    return 0
