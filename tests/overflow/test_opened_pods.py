"""How many pods are opened, judged by counting them anew."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from webhook.core import names
from webhook.core.profile import Limits
from webhook.overflow.opened_pods import PER_APPLICATION, PER_NAMESPACE, OpenedPods
from webhook.overflow.pods import Named, PodMetadata

NAMESPACES, APPLICATIONS = ("spark", "etl"), ("one", "two")
PODS = st.tuples(st.sampled_from("abcdef"), st.sampled_from(NAMESPACES), st.sampled_from(APPLICATIONS))


def named(uid: str, namespace: str, application: str) -> Named:
    return Named(PodMetadata(uid=uid, namespace=namespace, labels={names.APP_NAME: application}))


@given(
    st.lists(st.tuples(st.sampled_from(["add", "remove", "keep"]), PODS), max_size=30),
    st.none() | st.integers(0, 4),
    st.none() | st.integers(0, 4),
)
def test_the_counts_are_those_of_the_pods(
    acts: list[tuple[str, tuple[str, str, str]]], per_application: int | None, per_namespace: int | None
) -> None:
    opened, model = OpenedPods([names.APP_NAME]), dict[str, tuple[str, str]]()
    for act, (uid, namespace, application) in acts:
        if act == "add":
            opened.add(named(uid, namespace, application))
            model[uid] = (namespace, application)
        elif act == "remove":
            assert opened.remove(uid) == model.pop(uid, (None,))[0]
        else:
            gone = {each: key for each, key in model.items() if each != uid and key[0] == namespace}
            assert opened.keep([uid], namespace) == [key[0] for key in gone.values()]
            model = {each: key for each, key in model.items() if each not in gone}
    assert len(opened) == len(model)
    limits = Limits(per_application, per_namespace)
    for namespace in NAMESPACES:
        for application in APPLICATIONS:
            of_application = Counter(model.values())[namespace, application]
            of_namespace = Counter(key[0] for key in model.values())[namespace]
            expected = None
            if per_namespace is not None and of_namespace >= per_namespace:
                expected = PER_NAMESPACE
            if per_application is not None and of_application >= per_application:
                expected = PER_APPLICATION
            assert opened.reached(limits, namespace, application) == expected


def test_pods_that_are_gone_leave_nothing_behind() -> None:
    opened = OpenedPods([names.APP_NAME])
    for number in range(1000):
        opened.add(named(str(number), f"namespace-{number}", "etl"))
    assert len(opened.keep([], None)) == 1000
    assert (opened._pods, opened._namespaces, opened._applications) == ({}, Counter(), Counter())
