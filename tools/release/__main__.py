"""Builds a release of the commit that is checked out: `python -m tools.release --help`."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer

from tools.release import bill, chart, image
from tools.release.provenance import sha256, statement
from tools.release.source import ReleaseError, Source, export

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
#: The builder, unless a workflow says which one it is.
BY_HAND: Final = "urn:spark-eci-webhook:by-hand"
SUMS: Final = "SHA256SUMS"


@app.command()
def release(
    *,
    to: Annotated[Path, typer.Option(help="The folder; one that is there is replaced once all is built.")] = Path(
        "dist"
    ),
    packages: Annotated[bool, typer.Option("--packages", help="Leave out the image, which needs buildah.")] = False,
    base: Annotated[str, typer.Option(envvar="BASE_IMAGE", help="The base image, in place of the Dockerfile's.")] = "",
    buildah: Annotated[str, typer.Option(envvar="BUILDAH", help="The command, with its options.")] = "buildah",
    builder: Annotated[str, typer.Option(envvar="BUILDER", help="A URI that says who builds.")] = BY_HAND,
) -> None:
    """Build all artefacts of the checked-out commit, with bills of materials, checksums and provenance."""
    try:
        with TemporaryDirectory() as folder, _replaced(to) as written:
            source = export(Path.cwd(), Path(folder) / "source")
            artefacts, used = _built(source, Path(folder), base, shlex.split(buildah), packages=packages)
            artefacts["provenance.intoto.json"] = statement(artefacts, source, _version(source), used, builder)
            sums = "".join(f"{sha256(artefacts[name])}  {name}\n" for name in sorted(artefacts))
            for name, content in (artefacts | {SUMS: sums.encode()}).items():
                (written / name).write_bytes(content)
    except ReleaseError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(sums, nl=False)


def _version(source: Source) -> str:
    text = (source.folder / "webhook/__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def _built(
    source: Source, folder: Path, base: str, buildah: list[str], *, packages: bool
) -> tuple[dict[str, bytes], str]:
    """All artefacts by their names, and the base image; empty if no image is built."""
    version = _version(source)
    packed = chart.package(source)
    artefacts = {
        **_python_packages(source, folder / "packages"),
        f"{chart.NAME}-{version}.tgz": packed,
        f"{chart.NAME}-chart-{version}.oci.tar": chart.artefact(packed, source),
        f"{chart.NAME}-{version}.cdx.json": bill.of_packages(source, version),
        f"{chart.NAME}-chart-{version}.cdx.json": bill.of_chart(version),
    }
    if packages:
        return artefacts, ""
    name = f"{chart.NAME}-{version}-{image.architecture()}"
    archived, used = image.archive(source, f"{chart.NAME}:{version}", base, buildah, folder)
    artefacts[f"{name}.oci.tar"] = archived
    artefacts[f"{name}.cdx.json"] = bill.of_image(source, version, *image.contents(archived, bill.WANTED))
    return artefacts, used


def _python_packages(source: Source, folder: Path) -> dict[str, bytes]:
    """The wheel and the sdist. Hatchling takes the time of all files from SOURCE_DATE_EPOCH."""
    variables = os.environ | {"SOURCE_DATE_EPOCH": str(source.seconds)}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=source.folder, env=variables, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise ReleaseError(f"hatchling: ended with {done.returncode}; what it said stands above")
    return {one.name: one.read_bytes() for one in folder.iterdir()}


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """An empty folder, which takes the place of `folder` at the end, or of nothing if the block fails."""
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder}: is no folder; accepted: a new folder, or one with a release")
    if folder.exists() and not (folder / SUMS).exists() and any(folder.iterdir()):
        raise ReleaseError(f"{folder}: holds other files; accepted: a new folder, or one with a release")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        written, former = Path(beside) / "new", Path(beside) / "former"
        written.mkdir()
        yield written
        if folder.exists():
            folder.rename(former)
        try:
            written.rename(folder)
        except OSError:
            if former.exists():
                former.rename(folder)
            raise


if __name__ == "__main__":
    app()
