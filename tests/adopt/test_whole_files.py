"""Files as a whole: line breaks, encodings, several documents, lists and JSON."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.adopt.marked_texts import POLICY, TOLERATION, application, marked, place_by
from webhook.adopt.slim_file import Cut, Left, LeftReason, SlimFile, slim
from webhook.explain.explanation import WorkloadExplanation

MARKED = application(f"""\
 |  driver: {{}}  # é
 |  executor:
 |    cores: 1
-|    tolerations:
 |      # ECI
-|      - {{{TOLERATION}}}
""")
BEFORE, AFTER = marked(MARKED)
LINES = BEFORE.count(b"\n")
CUTS = (
    Cut(1, "spec.executor.tolerations", LINES - 2, LINES - 2),
    Cut(1, "spec.executor.tolerations", LINES, LINES),
)


def test_the_cuts_are_the_runs_of_lines_that_go() -> None:
    assert slim(BEFORE, place_by(POLICY)) == SlimFile(AFTER, CUTS, ())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"ECI\n", b"ECI\r\n").replace(b"cores: 1\n", b"cores: 1\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: b"--- # first\n" + text + b"...\n# the end",
        lambda text: b"%YAML 1.1\n%TAG !e! tag:example.org,2000:\n---\n" + text + b"---\n",
        lambda text: text + b"\n\n  \n# end\n\n",
        lambda text: text.replace(b"cores: 1", b"cores:\t1 \t# one").replace(b"}]", b"}]\t# ECI"),
        lambda text: text.replace(b"cores: 1", '\U0001f600: "\u3042" # \xa0\ufeff'.encode()),
    ],
    ids=["crlf", "mixed", "bom", "markers", "directives", "blank-lines", "tabs", "far-characters"],
)
def test_every_other_byte_stays(change: Callable[[bytes], bytes]) -> None:
    found = slim(change(BEFORE), place_by(POLICY))
    assert found.content == change(AFTER)
    assert (len(found.cuts), found.left) == (2, ())


def test_a_file_without_a_final_line_break_keeps_the_one_before_it() -> None:
    assert slim(BEFORE.rstrip(b"\n"), place_by(POLICY)).content == AFTER
    block = BEFORE.replace(b"executor:\n", b'executor:\n    labels: {a: "b"}\n') + b"    annotations:\n"
    block += b"      k8s.aliyun.com/eci-use-specs: |-\n        2-4Gi"
    expected = AFTER.replace(b"executor:\n", b'executor:\n    labels: {a: "b"}\n')
    assert slim(block, place_by(POLICY)).content == expected


OTHERS = {
    "pod": {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "report-exec-1",
            "labels": {"spark-role": "executor", "team": "data", "spark-app-selector": "a"},
        },
        "spec": {"tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]},
    },
    "config-map": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "app"},
        "data": {"app.yaml": BEFORE.decode()},
    },
    "deployment": {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {}}}},
    "no-object": {"spec": {"executor": {"labels": {"team": "data"}}}},
}
DOCUMENTS = {
    name: yaml.safe_dump(one, default_style='"' if name == "no-object" else None).encode()
    for name, one in OTHERS.items()
}


def test_documents_count_without_empty_ones_and_other_kinds_stay() -> None:
    parts = [b"# nothing\n", DOCUMENTS["pod"], BEFORE, b"", b"# empty\n", *DOCUMENTS.values(), BEFORE]
    found = slim(b"---\n".join(parts), place_by(POLICY))
    assert found.content == b"---\n".join(AFTER if one == BEFORE else one for one in parts)
    assert [one.document for one in found.cuts] == [2, 2, 7, 7]
    assert all(one.last < other.first for one, other in pairwise(found.cuts))
    assert found.left == ()


@pytest.mark.parametrize("name", OTHERS)
def test_an_object_that_is_no_application_stays(name: str) -> None:
    content = DOCUMENTS[name]
    assert slim(content, place_by(POLICY)) == SlimFile(content)


def indented(text: str, start: str) -> str:
    """The marked text as an item of a list, whose first line begins with `start`."""
    first, *rest = text.splitlines(keepends=True)
    return "".join([first[:2] + start + first[2:], *(line[:2] + " " * len(start) + line[2:] for line in rest)])


@pytest.mark.parametrize("start", ["- ", "  - ", "-   "])
def test_items_of_lists_are_cut_too(start: str) -> None:
    item = indented(MARKED, start)
    pod = indented(" |{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {tolerations: []}}\n", start)
    untyped = indented(MARKED.split("\n", 2)[2], start)
    text = f"""\
 |apiVersion: v1
 |kind: List
 |items:
{item}{pod}{item} |metadata: {{}}
 |---
 |apiVersion: sparkoperator.k8s.io/v1beta2
 |kind: SparkApplicationList
 |items:
{untyped}"""
    before, after = marked(text)
    found = slim(before, place_by(POLICY))
    assert found.content.decode() == after.decode()
    assert [(one.document, one.path) for one in found.cuts[::2]] == [
        (1, "items[0].spec.executor.tolerations"),
        (1, "items[2].spec.executor.tolerations"),
        (2, "items[0].spec.executor.tolerations"),
    ]


def test_one_item_that_cannot_be_explained_does_not_keep_the_others() -> None:
    item = indented(MARKED, "- ")
    wrong = item.replace("-|", " |").replace("cores: 1", "cores: many")
    before, after = marked(f" |apiVersion: v1\n |kind: List\n |items:\n{wrong}{item}")
    assert slim(before, place_by(POLICY)).content.decode() == after.decode()


def left(content: bytes, line: int, why: LeftReason) -> SlimFile:
    return SlimFile(content, (), (Left(1, "spec.executor.tolerations[0]", line, why),))


def test_json_is_left() -> None:
    document = yaml.safe_load(BEFORE)
    content = json.dumps(document).encode()
    assert slim(content, place_by(POLICY)) == left(content, 1, LeftReason.JSON)
    content = json.dumps(document, indent=1).encode()
    line = 1 + content.split(b'"key"')[0].count(b"\n") - 1
    assert slim(content, place_by(POLICY)) == left(content, line, LeftReason.JSON)
    document["spec"]["executor"]["env"] = [{"name": "FACE", "value": "\U0001f600"}]
    content = json.dumps(document, indent=1).encode()
    assert slim(content, place_by(POLICY)) == left(content, 1, LeftReason.JSON)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace(b"\xc3\xa9", b"\xc2\x85  # next line"), LeftReason.LINE_BREAK),
        (lambda text: text.replace(b"\xc3\xa9", b"\xe2\x80\xa8  # line separator"), LeftReason.LINE_BREAK),
        (lambda text: text.replace(b"\xc3\xa9", b"\xe2\x80\xa9  # paragraph separator"), LeftReason.LINE_BREAK),
        (lambda text: text.replace(b"\n", b"\r"), LeftReason.LINE_BREAK),
        (lambda text: text.decode().encode("utf-16"), LeftReason.ENCODING),
        (lambda text: text.replace(b"\xc3\xa9", b"").decode().encode("utf-16"), LeftReason.ENCODING),
    ],
    ids=["nel", "ls", "ps", "cr", "utf-16", "utf-16-ascii"],
)
def test_texts_that_have_no_lines_of_ours_are_left(change: Callable[[bytes], bytes], why: LeftReason) -> None:
    content = change(BEFORE)
    found = slim(content, place_by(POLICY))
    line = found.left[0].line
    assert found == left(content, line, why)
    assert LINES <= line <= LINES + 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"---\n---\n",
        b"{",
        b"{}",
        b"[]",
        b'{"kind": "List", "items": 1}',
        b"kind: List\nitems: [1, {kind: List, items: [{kind: SparkApplication}]}]\n",
        b"kind: SparkApplication\napiVersion: sparkoperator.k8s.io/v1beta2\nspec: 1\n",
        BEFORE + b"---\n- ]\n",
        BEFORE + b"  driver: {}\n",
        BEFORE.replace(b"cores", b"\xff"),
        BEFORE.replace(b"executor:", b"executor: &a *a"),
        b"a: " + b"[" * 200,
        b'{"kind": "List", "items": [' * 5000,
        (b'{"apiVersion": "v1", "kind": "List", "items": [' * 300) + b"]}" * 300,
    ],
)
def test_what_holds_nothing_to_cut_or_cannot_be_read_stays(content: bytes) -> None:
    assert slim(content, place_by(POLICY)) == SlimFile(content)


def test_nothing_is_cut_from_a_document_whose_last_proof_fails() -> None:
    content = BEFORE + b"---\n" + BEFORE.replace(b"report", b"other")
    place, calls = place_by(POLICY), 0

    def counted(document: Any) -> Sequence[WorkloadExplanation]:
        nonlocal calls
        calls += 1
        # The last call proves the second document.
        return [] if calls == last else place(document)

    last = 0
    assert slim(content, counted).content == AFTER + b"---\n" + AFTER.replace(b"report", b"other")
    last, calls = calls, 0
    found = slim(content, counted)
    assert found.content == AFTER + b"---\n" + BEFORE.replace(b"report", b"other")
    assert found.cuts == CUTS
    assert found.left == (Left(2, "spec.executor.tolerations[0]", 2 * LINES + 1, LeftReason.READ_OTHERWISE),)
