"""The chart as Helm packages it, and as an OCI artefact."""

import tarfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import helm_python
import yaml

from tools.release.archive import MANIFEST, compressed, descriptor, json_bytes, layout, tar
from tools.release.source import Source

NAME: Final = "spark-eci-webhook"
#: Helm's media types (helm/helm, pkg/registry/constants.go).
_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
_CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def package(source: Source) -> bytes:
    """The chart as `helm package` writes it, but with the time of the commit in place of the present one."""
    with TemporaryDirectory() as folder:
        written = Path(helm_python.package(str(source.folder / "charts" / NAME), destination=folder))
        with tarfile.open(written) as archive:
            files = {one.name: archive.extractfile(one).read() for one in archive if one.isfile()}  # type: ignore[union-attr]
    return compressed(tar(files, source.seconds))


def artefact(packed: bytes, source: Source) -> bytes:
    """The chart that `package` returned as an OCI image layout, with the parts that `helm push` would upload."""
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        metadata = yaml.safe_load(archive.extractfile(f"{NAME}/Chart.yaml").read())  # type: ignore[union-attr]
    config = json_bytes(metadata)
    annotations = {
        "org.opencontainers.image.title": metadata["name"],
        "org.opencontainers.image.version": metadata["version"],
        "org.opencontainers.image.description": metadata["description"],
        "org.opencontainers.image.revision": source.commit,
        "org.opencontainers.image.created": datetime.fromtimestamp(source.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(_CONFIG, config),
        "layers": [descriptor(_CONTENT, packed)],
        "annotations": annotations,
    }
    return layout([config, packed], json_bytes(manifest), metadata["version"], source.seconds)
