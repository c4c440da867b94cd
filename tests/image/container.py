"""Images built and run by buildah, without a daemon and without a registry of our own."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Storage and isolation that work also inside a container.
BUILDAH = ("buildah", "--storage-driver", "vfs")


def buildah(*arguments: str) -> str:
    """Run buildah and return what it prints; fail with its last words."""
    done = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


def build(tag: str) -> None:
    """Build the tree's Dockerfile on the base image that BASE_IMAGE names."""
    base = f"BASE_IMAGE={os.environ['BASE_IMAGE']}"
    buildah("bud", "--isolation", "chroot", "--build-arg", base, "--build-arg", "REVISION=abc", "--tag", tag, ".")


class Container:
    """A container of an image, run as its configuration says, but with a root that cannot be written to.

    buildah has no read-only flag. So the root is mounted read-only in a mount namespace of the process, with what a
    container runtime adds: /proc, /dev and the given mounts.
    """

    def __init__(self, image: str) -> None:
        self._name = buildah("from", image)
        self.root = Path(buildah("mount", self._name))
        self.configuration: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]

    def remove(self) -> None:
        buildah("umount", self._name)
        buildah("rm", self._name)

    def command(self, words: list[str], mounts: dict[Path, str], environment: dict[str, str]) -> list[str]:
        """Return the command line that runs `words` in the container, with folders mounted at paths of its own."""
        root = shlex.quote(str(self.root))
        steps = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        steps += [f"mount --bind -o ro {shlex.quote(str(folder))} {root}{path}" for folder, path in mounts.items()]
        steps += [f"mount -o remount,bind,ro {root}"]
        variables = {**dict(one.split("=", 1) for one in self.configuration["Env"]), **environment}
        setting = [f"{name}={value}" for name, value in variables.items()]
        run = ["env", "-i", *setting, "chroot", f"--userspec={self.configuration['User']}", str(self.root)]
        # chroot starts at the root; the working directory of the image matters to nothing that runs here.
        steps += [f"exec {shlex.join([*run, *words])}"]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(steps)]

    def run(self, *words: str, mounts: dict[Path, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run words to the end."""
        command = self.command(list(words), mounts or {}, {})
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
