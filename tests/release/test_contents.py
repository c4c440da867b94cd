"""What a bill of materials reads of an image: the files of its layers, the last one over the others."""

from tools.release.archive import MANIFEST, compressed, descriptor, json_bytes, layout, tar
from tools.release.image import contents

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def test_a_layer_replaces_and_removes_files_of_those_below() -> None:
    layers = [
        compressed(tar({f"{folder}/METADATA": b"old" for folder in ("a", "b/in", "c/in", "d")} | {"e/other": b""}, 0)),
        compressed(tar({"a/.wh.METADATA": b"", ".wh.b": b"", "c/.wh..wh..opq": b"", "c/METADATA": b"new"}, 0)),
        compressed(tar({"./d/METADATA": b"newer"}, 0)),
    ]
    config = json_bytes({"architecture": "amd64"})
    manifest = json_bytes(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor(LAYER, one) for one in layers],
        }
    )
    found = contents(layout([config, *layers], manifest, "name", 0), ["METADATA"])
    assert found == ({"architecture": "amd64"}, {"c/METADATA": b"new", "d/METADATA": b"newer"})
