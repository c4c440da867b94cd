"""What was built, from what: an in-toto Statement with SLSA provenance. It is not signed.

Sources: in-toto attestation framework, spec/v1/statement.md; slsa.dev, provenance v1.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tools.release.source import Source

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
#: docs/releases.md says what a build of this type is, and what its parameters mean.
BUILD_TYPE: Final = "urn:spark-eci-webhook:make-release:v1"
#: What pins the things that are downloaded for a build.
LOCKS: Final = ("requirements.lock", "requirements-dev.lock")


def statement(artefacts: Mapping[str, bytes], source: Source, version: str, base: str, builder: str) -> bytes:
    """The statement about `artefacts` by their name, which `builder`, a URI, built from `source`.

    `base` is the image below the project's own, with its digest; empty if no image was built.
    """
    dependencies: list[dict[str, Any]] = [{"name": "commit", "digest": {"gitCommit": source.commit}}]
    dependencies += [
        {"name": name, "digest": {"sha256": sha256((source.folder / name).read_bytes())}} for name in LOCKS
    ]
    if base:
        name, _, digest = base.partition("@")
        kind, _, value = digest.partition(":")
        dependencies.append({"name": f"base image {name}", "digest": {kind: value}})
    document = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256(artefacts[name])}} for name in sorted(artefacts)],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"version": version, "commit": source.commit},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": builder}},
        },
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def sha256(content: bytes) -> str:
    """The SHA-256 of `content` in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
