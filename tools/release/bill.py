"""Bills of materials (CycloneDX): of the packages, of the chart, and of the image."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.release.chart import NAME
from tools.release.source import ReleaseError, Source

#: The files in an image that say what is in it: Debian's packages, the distribution, and packages of Python.
WANTED: Final = ("var/lib/dpkg/status", "usr/lib/os-release", ".dist-info/METADATA")


def of_packages(source: Source, version: str) -> bytes:
    """That of the wheel and the sdist: what requirements.lock pins, and what is in the page's bundle."""
    folder = source.folder
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "requirements.lock",
        "--pyproject",
        "pyproject.toml",
    ]
    done = subprocess.run([*command, "--output-reproducible"], cwd=folder, capture_output=True, check=True)
    pinned: Any = Bom.from_json(json.loads(done.stdout))  # type: ignore[attr-defined]
    about = Component(name=NAME, version=version, type=ComponentType.APPLICATION, purl=_url("pypi", NAME, version))
    return _written(_bom(about, [*pinned.components, *_of_the_page(folder)]))


def of_chart(version: str) -> bytes:
    """That of the chart: the image that it installs."""
    image = Component(
        name=NAME, version=version, type=ComponentType.CONTAINER, purl=_url("oci", NAME, "", {"tag": version})
    )
    return _written(
        _bom(
            Component(name=NAME, version=version, type=ComponentType.APPLICATION, purl=_url("helm", NAME, version)),
            [image],
        )
    )


def of_image(source: Source, version: str, configuration: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """That of the image: all that is installed in it, by its own files that `WANTED` names, and its configuration."""
    for wanted in WANTED[:2]:
        if wanted not in files:
            raise ReleaseError(f"the base image: has no {wanted}; accepted: an image of Debian or one made from it")
    system = dict(re.findall(r'^(\w+)="?(.*?)"?$', files["usr/lib/os-release"].decode(), re.MULTILINE))
    architecture = configuration["architecture"]
    image = Component(
        name=NAME,
        version=version,
        type=ComponentType.CONTAINER,
        purl=_url("oci", NAME, "", {"tag": version, "arch": architecture}),
    )
    parts = [Component(name=system["ID"], version=system.get("VERSION_ID", ""), type=ComponentType.OPERATING_SYSTEM)]
    parts += _of_debian(files["var/lib/dpkg/status"].decode(), system)
    parts += _of_python(files, configuration.get("config", {}).get("Env", ()))
    return _written(_bom(image, [*parts, *_of_the_page(source.folder)]))


def _of_debian(status: str, system: Mapping[str, str]) -> Iterator[Component]:
    for paragraph in status.split("\n\n"):
        fields = Parser().parsestr(paragraph)
        if "installed" in fields.get("Status", "").split():
            rest = {"arch": fields["Architecture"], "distro": f"{system['ID']}-{system.get('VERSION_ID', '')}"}
            if "Source" in fields:
                # Debian's advisories go by source packages.
                rest["upstream"] = fields["Source"].partition(" ")[0]
            url = PackageURL("deb", system["ID"], fields["Package"], fields["Version"], rest)
            yield _library(fields["Package"], fields["Version"], url)


def _of_python(files: Mapping[str, bytes], environment: Iterable[str]) -> Iterator[Component]:
    for path in sorted(files):
        if path.endswith("/METADATA"):
            fields = Parser().parsestr(files[path].decode(), headersonly=True)
            name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
            yield _library(name, fields["Version"], _url("pypi", name, fields["Version"]))
    for variable in environment:
        key, _, value = variable.partition("=")
        if key == "PYTHON_VERSION":
            yield Component(
                name="python", version=value, type=ComponentType.APPLICATION, purl=_url("generic", "python", value)
            )


def _of_the_page(folder: Path) -> Iterator[Component]:
    """The packages of npm that are in the bundle of the page's editor. `make page` lists them with their licences."""
    text = (folder / "webhook/page/static/THIRD-PARTY-LICENSES.txt").read_text(encoding="utf-8")
    for named, version, licence in re.findall(r"^(\S+) (\S+) \((\S+)\)$", text, re.MULTILINE):
        group, _, name = named.rpartition("/")
        url = PackageURL("npm", group or None, name, version)
        found = Component(name=name, group=group or None, version=version, type=ComponentType.LIBRARY, purl=url)
        found.licenses.add(DisjunctiveLicense(id=licence))
        yield found


def _library(name: str, version: str, url: PackageURL) -> Component:
    return Component(name=name, version=version, type=ComponentType.LIBRARY, purl=url)


def _url(kind: str, name: str, version: str, rest: dict[str, str] | None = None) -> PackageURL:
    return PackageURL(kind, None, name, version or None, rest)


def _bom(about: Component, parts: Iterable[Component]) -> Bom:
    bom = Bom(components=parts)
    bom.metadata.component = about
    bom.register_dependency(about, bom.components)
    return bom


def _written(bom: Bom) -> bytes:
    """The bill as sorted JSON, without its time and its random number."""
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document.pop("serialNumber", None)
    document.get("metadata", {}).pop("timestamp", None)
    numbers = {one["bom-ref"]: one.get("purl", one["name"]) for one in document.get("components", ())}
    if "component" in document.get("metadata", {}):
        numbers[document["metadata"]["component"]["bom-ref"]] = "this"
    text = json.dumps(document, indent=2, sort_keys=True)
    for number, name in numbers.items():
        text = text.replace(json.dumps(number), json.dumps(name))
    ordered = json.loads(text)
    for listed, key in (("components", "bom-ref"), ("dependencies", "ref")):
        ordered[listed] = sorted(ordered.get(listed, ()), key=lambda one: str(one[key]))
    for one in ordered["dependencies"]:
        one.get("dependsOn", []).sort()
    return (json.dumps(ordered, indent=2, sort_keys=True) + "\n").encode()
