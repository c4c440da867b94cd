"""Builds and runs images with buildah, without a daemon and without a registry."""

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
#: Storage and isolation that also work inside a container.
BUILDAH = ("buildah", "--storage-driver", "vfs")


def buildah(*arguments: str) -> str:
    """Runs buildah and returns its output; fails with the end of its error output."""
    done = subprocess.run([*BUILDAH, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


class Container:
    """A container of an image, run as its configuration says, with a read-only root.

    buildah has no read-only flag. So the root is mounted read-only in a mount namespace of the process, with what a
    container runtime adds: /proc, /dev, memory at /dev/shm, the given mounts, and HOME, which is / for a user without an entry in
    /etc/passwd.
    """

    def __init__(self, image: str) -> None:
        self._name = buildah("from", image)
        self.root = Path(buildah("mount", self._name))
        self.configuration: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))["OCIv1"]["config"]

    def remove(self) -> None:
        buildah("umount", self._name)
        buildah("rm", self._name)

    def command(
        self,
        words: list[str],
        mounts: dict[Path, str],
        environment: dict[str, str],
        memory: str = "rw",
        user: str = "",
    ) -> list[str]:
        """The command line that runs `words` in the container, as the configured user unless another one is given.

        Folders and files are mounted at paths inside it. /dev/shm is not writable if `memory` is `ro`.
        """
        root = shlex.quote(str(self.root))
        steps = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        steps += [f"mount -t tmpfs -o mode=1777,{memory} shm {root}/dev/shm"]  # noqa: S108, not of this machine
        for source, path in mounts.items():
            make = f"mkdir -p {root}{path}" if source.is_dir() else f"touch {root}{path}"
            steps += [make, f"mount --bind -o ro {shlex.quote(str(source))} {root}{path}"]
        steps += [f"mount -o remount,bind,ro {root}"]
        configured = dict(one.split("=", 1) for one in self.configuration["Env"])
        variables = {"HOME": "/", **configured, **environment}
        setting = [f"{name}={value}" for name, value in variables.items()]
        run = ["env", "-i", *setting, "chroot", f"--userspec={user or self.configuration['User']}", str(self.root)]
        # chroot starts at the root. Nothing that runs here depends on the working directory of the image.
        steps += [f"exec {shlex.join([*run, *words])}"]
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(steps)]

    def run(
        self,
        *words: str,
        mounts: dict[Path, str] | None = None,
        given: str = "",
        memory: str = "rw",
        user: str = "",
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `words` in the container to the end, with `given` on standard input."""
        command = self.command(list(words), mounts or {}, environment, memory, user)
        return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
