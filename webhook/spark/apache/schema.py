"""What the API server says to the fields of an application or cluster of Apache's operator.

It drops unknown fields, also those of pod templates, and refuses values of wrong types. Source:
apache/spark-kubernetes-operator, the CustomResourceDefinitions of its chart, from which `tools/crd_fields.py --apache`
writes the table.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from webhook.spark import schema_violations, unknown_fields
from webhook.spark.manifest import JSON
from webhook.spark.versions import OperatorVersion
from webhook.spark.workloads import Refusal, Refuser, refusal

GROUP: Final = "spark.apache.org"
#: The version that has no routes to the driver.
OLD_VERSION: Final = f"{GROUP}/v1beta1"
VERSIONS: Final = (f"{GROUP}/v1", OLD_VERSION)
FILE: Final = Path(__file__).with_name("crd_fields.json")
#: The release whose fields the table has.
_RELEASE: Final = OperatorVersion(1, 0, 0)


def unknown(document: JSON) -> list[str]:
    """Notes on fields that the document's kind does not have in the document's version."""
    return unknown_fields.notes(document, _kind(document), _RELEASE, FILE)


def refusals(document: JSON) -> Iterator[Refusal]:
    """What the API server refuses of a document."""
    version = document["apiVersion"]
    if version not in VERSIONS:
        yield refusal(Refuser.API_SERVER, "", f"apiVersion is {version}", " or ".join(VERSIONS))
    for one in schema_violations.named(document, _kind(document), _RELEASE, FILE):
        yield refusal(Refuser.API_SERVER, "", one.sentence, one.accepted)


def _kind(document: JSON) -> str:
    """The name of the document's kind in the table."""
    return f"{document['kind']} of {document['apiVersion'].rpartition('/')[2]}"
