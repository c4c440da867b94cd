"""docs/versions.md says what the tests ran."""

from tests.documents import versions


def test_the_tables_are_made_from_what_the_tests_use() -> None:
    assert versions.PAGE.read_text(encoding="utf-8") == versions.composed(), "run make golden"


def test_both_sparks_of_the_lock_files_are_told() -> None:
    assert versions.sparks() == ["3.5.2", "4.3.0"]
    assert list(versions.KUBERNETES.values()).count("always") == 1
