"""Version 0.1.0, out of the history of this repository: the chart and the code of then, so that tests can run both.

`0.1.0.tar.gz` is made again by `git archive --format=tar 4a7ec2f certs charts webhook | gzip -9n` at the root of the repository.
A test compares the two. `values-0.1.0.yaml` has most keys that the policy of then had, and many values of its chart.
"""

import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

VERSION: Final = "0.1.0"
COMMIT: Final = "4a7ec2f167a07b99f783db12153c98abc75992e5"
FOLDERS: Final = ("certs", "charts", "webhook")
ARCHIVE: Final = Path(__file__).parent / "0.1.0.tar.gz"
VALUES_FILE: Final = Path(__file__).parent / "values-0.1.0.yaml"
VALUES: Final[dict[str, Any]] = yaml.safe_load(VALUES_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Former:
    """The unpacked version."""

    packages: Path
    """The folder with the packages `webhook` and `certs`, for PYTHONPATH."""

    @property
    def chart(self) -> Path:
        return self.packages / "charts/spark-eci-webhook"


def unpacked(folder: Path) -> Former:
    """The version, unpacked into `folder`."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Former(folder)
