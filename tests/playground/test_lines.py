"""A sentence about a text comes with the line that it is about, or with none; never with another one."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.live_service import ROOT
from tests.playground.explainer import Explainer
from tests.playground.inputs import PLAIN, TEXTS
from webhook.playground.named_path import named_path
from webhook.playground.text_lines import Place, TextLines

#: For each text the lines of its faults; "documents" or "policy" is where they are.
LINES: dict[str, list[tuple[str, int | None]]] = {
    "nothing": [("documents", None)],
    "no application": [("documents", None)],
    "unknown profile": [("policy", 1)],
    "unknown profile, chosen": [("policy", None)],
    "several": [("documents", 29), ("documents", 32)],
    "kinds": [("documents", 2)],
    "no version": [("documents", 1)],
    "template": [("documents", 4)],
    "wrong metadata": [("documents", 5)],
    "list": [("documents", 6), ("documents", 7)],
    "list of lists": [("documents", 9)],
    "pod with a wrong field": [("documents", 7)],
    "policy of two documents": [("policy", 3)],
    "policy that is no YAML": [("policy", 3)],
    "policy with faults": [("policy", 4), ("policy", 6), ("policy", 7)],
    "policy of a wrong type": [("policy", 1)],
    "NUL": [("documents", 22)],
    "a key twice": [("documents", 4)],
    "deep YAML": [("documents", 1)],
    "aliases without end": [("documents", 1)],
    "half a surrogate pair": [("documents", 1)],
}


@pytest.mark.parametrize("name", LINES)
def test_faults_have_their_lines(name: str, explainer: Explainer) -> None:
    faults = explainer.explained(*TEXTS[name])["faults"]
    assert [(one["in"], one["line"]) for one in faults] == LINES[name], faults


@pytest.mark.parametrize(
    "name", ["wrong types", "line separators", "carriage returns", "example never-runs", "refused node-selectors.yaml"]
)
def test_sentences_about_a_field_have_its_line(name: str, explainer: Explainer) -> None:
    texts = TEXTS[name]
    told = said(explainer.explained(*texts))
    assert told
    for one in told:
        field = re.search(r"(?:spec|metadata)[\w.]*", one["sentence"])
        assert field
        # An editor breaks lines at CR and LF only.
        line = texts.documents.replace("\r\n", "\n").replace("\r", "\n").split("\n")[one["line"] - 1]
        assert line.strip().startswith(f"{field[0].rpartition('.')[2]}:"), one


WRONG: tuple[Any, ...] = ([], {"odd": 1}, "-")


def paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*here, key)
            yield from paths(inner, (*here, key))


@pytest.mark.parametrize(
    "file",
    [
        "tests/cli/apps/own-affinity.yaml",
        "tests/cli/apps/scratch-disk.yaml",
        "tests/cli/apps/connect.yaml",
        "tests/cli/operators/apache.yaml",
        "webhook/playground/examples/own-affinity.yaml",
    ],
)
def test_whatever_field_is_spoilt_the_sentence_about_it_has_its_line(file: str, explainer: Explainer) -> None:
    """Each value is replaced by wrong ones. PyYAML's own nodes say where it is."""
    documents = list(yaml.safe_load_all((ROOT / file).read_text()))
    exact = 0
    for number, document in enumerate(documents):
        for path in paths(document):
            for wrong in WRONG:
                text, spoilt = with_value(documents, number, path, wrong)
                for one in said(explainer.explained(text)):
                    if one["line"] is None:
                        assert not re.match(r"never runs, refused by [^:]+: (spec|metadata)\b", one["sentence"]), one
                    elif re.search(rf"(?:^|: ){re.escape(written(path))}(?= |: |$)", one["sentence"]):
                        assert one["line"] == spoilt, (one, text)
                        exact += 1
                    else:
                        line = text.splitlines()[one["line"] - 1]
                        # A list's item may have no key that a sentence names.
                        (key,) = re.findall(r"^ *(-|[\w./-]+(?=:))", line)
                        assert key in ("apiVersion", "-", *re.findall(r"[\w/-]+", one["sentence"])), (one, line)
    assert exact >= 10


def with_value(documents: list[Any], number: int, path: tuple[Any, ...], value: Any) -> tuple[str, int]:
    """The text of `documents` with this value at `path`, and its line."""
    spoilt = copy.deepcopy(documents)
    parent = spoilt[number]
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    text = yaml.safe_dump_all(spoilt, sort_keys=False)
    return text, line_of_node(list(yaml.compose_all(text, Loader=yaml.SafeLoader))[number], path)


def said(found: Any) -> list[Any]:
    """All sentences of an answer that may have a line."""
    pods = [pod for view in found["views"] for pod in view["pods"]]
    return [*found["faults"], *(one for part in (*found["views"], *pods) for one in part["refusals"])]


def written(path: tuple[Any, ...]) -> str:
    """A path as sentences write it."""
    free = ("sparkConf", "labels", "annotations", "nodeSelector")
    text = ""
    for before, step in zip(("", *path), path, strict=False):
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f'["{step}"]' if before in free else f".{step}"
    return text[1:]


def line_of_node(node: Any, path: tuple[Any, ...]) -> int:
    line = node.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            (key, node), *_ = [(key, value) for key, value in node.value if key.value == step]
            line = key.start_mark.line
        else:
            node = node.value[step]
            line = node.start_mark.line
    return int(line) + 1


@pytest.mark.parametrize(
    ("sentence", "path"),
    [
        ("spec.a is 1", ("spec", "a")),
        ("spec.a.b: found", ("spec", "a")),
        ("spec.list[1].x", ("spec", "list", 1, "x")),
        ("spec.list[2].x", ("spec", "list")),
        ("spec.list.x", ("spec", "list")),
        ('spec.map["a.b/c"] is 1', ("spec", "map", "a.b/c")),
        ('spec.map["d?e"] is 1', ("spec", "map", "d\u202ee")),
        ('spec.map["f?"] is 1', ("spec", "map")),
        ('spec.map["g\\"h"] is 1', ("spec", "map", 'g"h')),
        ("other.a is 1", ()),
        ("the pod has no spec.a", ()),
        ("spec", ("spec",)),
        ("", ()),
    ],
)
def test_a_sentence_names_the_field_that_it_begins_with(sentence: str, path: tuple[Any, ...]) -> None:
    document = {
        "other": {"a": 1},
        "spec": {
            "a": 1,
            "list": [0, {"x": 1}],
            "map": {"a.b/c": 1, "d\u202ee": 1, "f\u202e": 1, "f\u2066": 1, 'g"h': 1},
        },
    }
    assert named_path(sentence, document, frozenset({"spec"})) == path


def test_aliases_and_merged_keys_lead_to_the_line_on_which_they_are_used() -> None:
    lines = TextLines("base: &base\n  a: 1\nspec:\n  <<: *base\n  b: *base\n  c:\n  - d: 1\n")
    places = [("spec", "a"), ("spec", "b", "a"), ("spec", "c", 0, "d"), ("spec", "c", 1), ("base", "a")]
    assert lines.nearest([Place(0, one) for one in places]) == [3, 5, 7, 6, 2]
    assert lines.exact([Place(0, one) for one in places]) == [None, None, 7, None, 2]
    assert lines.nearest([Place(1)]) == [None]


def test_lines_are_counted_as_editors_count_them() -> None:
    text = f"# \u2028 \u2029 \x85\r# a\r\n{PLAIN}"
    (line,) = TextLines(text).nearest([Place(0, ("spec", "executor"))])
    assert text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[(line or 0) - 1] == "  executor:"
