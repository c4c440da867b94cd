"""The cost of each step of a review in the core, for pods of several sizes."""

import json
from collections.abc import Callable
from timeit import Timer

import jsonpatch
from msgspec import convert
from msgspec.json import Decoder, Encoder
from rich.table import Table

from benchmarks.reviews import grown
from webhook.core.patch import changes, patch
from webhook.core.placement import decide
from webhook.core.pod import Pod
from webhook.core.policy import Policy
from webhook.core.profile import compile_profile
from webhook.core.review import respond
from webhook.core.selectors import Role

SIZES = (8, 32, 128)
_TERM = {"matchExpressions": [{"key": "type", "operator": "Exists"}]}
_AFFINITY = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_TERM]}}}


def steps() -> Table:
    """A table of microseconds for each step at 8, 32 and 128 KB, the minimum of several runs."""
    table = Table("step", *(f"{size} KB, µs" for size in SIZES), title="One review, step by step", title_justify="left")
    columns = [_measure(grown(size * 1000)) for size in SIZES]
    for name in columns[0]:
        table.add_row(name, *(f"{column[name]:.1f}" for column in columns))
    return table


def _measure(body: bytes) -> dict[str, float]:
    profile = compile_profile(Policy(), "default")
    pod_json = json.loads(body)["request"]["object"]
    pod = Decoder(Pod).decode(json.dumps(pod_json))
    eci_only = compile_profile(Policy(), "eci-only")
    selective = convert(pod_json | {"spec": pod_json["spec"] | {"affinity": _AFFINITY}}, Pod)
    placement = decide(pod, "default", Role.EXECUTOR, profile)
    operations = patch(pod, changes(pod, placement))
    encode = Encoder().encode
    patched = jsonpatch.apply_patch(pod_json, json.loads(encode(operations)))
    return {
        "UTF-8 check": _least(body.decode),
        "decide": _least(lambda: decide(pod, "default", Role.EXECUTOR, profile)),
        "decide in eci-only, for a pod with an affinity": _least(
            lambda: decide(selective, "default", Role.EXECUTOR, eci_only)
        ),
        "changes and patch": _least(lambda: patch(pod, changes(pod, placement))),
        "encode the patch": _least(lambda: encode(operations)),
        "respond, including decoding": _least(lambda: respond(body, profile)),
        "for comparison: json.loads": _least(lambda: json.loads(body)),
        "for comparison: jsonpatch.make_patch": _least(lambda: jsonpatch.make_patch(pod_json, patched), number=20),
    }


def _least(call: Callable[[], object], number: int = 500) -> float:
    """The minimum of 7 runs of `number` calls, in microseconds per call."""
    return min(Timer(call).repeat(7, number)) / number * 1e6
