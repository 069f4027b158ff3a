"""An exception means what a Sigma filter beside the rules means, and no value can widen it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.casework.errors import Invalid
from api.exceptions.selection import Condition, checked, document, dumped
from correlator.engine import Engine
from correlator.exceptions import Exceptions, of_file
from sensors.event import Event

RULE = "a1111111-2222-4333-8444-555555555551"
OTHER = "a1111111-2222-4333-8444-555555555552"
FILES = {
    "rules.yml": f"title: A\nid: {RULE}\nlogsource: {{product: linux, service: sshd}}\n"
    "detection: {sel: {event.kind: event}, condition: sel}\n"
    f"---\ntitle: B\nid: {OTHER}\nlogsource: {{product: linux, service: sshd}}\n"
    "detection: {sel: {user.name|contains: a}, condition: sel}\n",
    "pipeline.yml": "name: test\nsources:\n  - when: {event.dataset: system.auth}\n"
    "    logsource: {product: linux, service: sshd}\n    fields: {TargetUser: user.name}\n",
}
FIELDS = ("user.name", "TargetUser", "host.name", "source.port")
small = st.text("ab*?\\'\"%|: \n#Đ", min_size=1, max_size=4)
values = st.one_of(small, st.text(min_size=1, max_size=8), st.sampled_from(["null", "true", "22", "~", "1e3", "0x16"]))
conditions = st.lists(
    st.builds(
        Condition, field=st.sampled_from(FIELDS), op=st.sampled_from(["is", "startswith", "endswith", "contains"]),
        values=st.lists(values, min_size=1, max_size=3).map(tuple),
    ),
    min_size=1, max_size=3,
)  # fmt: skip
fields = st.one_of(
    values, st.lists(values, max_size=2), st.integers(0, 99), st.booleans(), st.none(),
    st.sampled_from(["a", "A", "ab", "*", "\\", "22", {"a": "b"}, [["a"], {"b": 1}], [], 22.0, 10**30]),
)  # fmt: skip
events = st.lists(
    st.fixed_dictionaries(
        {"organization": st.sampled_from([{"id": "so-a"}, {"id": "so-b"}, {}])},
        optional={"user": st.fixed_dictionaries({"name": fields}), "host": st.fixed_dictionaries({"name": fields}),
                  "source": st.fixed_dictionaries({"port": fields})},
    ),
    min_size=1, max_size=6,
)  # fmt: skip


def event(given: dict[str, Any]) -> Event:
    return {"@timestamp": "2026-02-02T00:00:00Z", "event": {"dataset": "system.auth", "kind": "event"}, **given}


def filter_of(found: list[Condition]) -> str:
    rules = [{"id": RULE, "logsource": {"product": "linux", "service": "sshd"}}]
    return dumped([document("NL-1", "so-a", rules, found, 2_000_000_000.0, reason="#\n---\n")])


@settings(max_examples=120, deadline=None)
@given(conditions, events)
@example([Condition(field="user.name", values=("a\\*",))], [{"organization": {"id": "so-a"}, "user": {"name": "a\\*"}}])
def test_it_hides_what_the_same_filter_among_the_rules_hides(
    wanted: list[Condition], several: list[dict[str, Any]]
) -> None:
    try:
        found = checked(wanted)
    except Invalid:
        return
    text = filter_of(found)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in FILES.items():
            (folder / file).write_text(content, "utf-8")
        pipelines = [folder / "pipeline.yml"]
        plain = Engine.load([folder / "rules.yml"], pipelines)
        (folder / "filter.yml").write_text(text, "utf-8")
        narrowed = Engine.load([folder / "rules.yml", folder / "filter.yml"], pipelines)
    assert narrowed.refused == ()
    items, faults = of_file(text.encode(), "so-a", 0.0)
    assert not faults
    exceptions = Exceptions(tuple(items))
    exceptions.fit(plain)
    for one in map(event, several):
        left = [match.rule.id for match in exceptions.passed(one, plain.match(one))]
        assert left == [match.rule.id for match in narrowed.match(one)]
        if one["organization"] != {"id": "so-a"}:
            assert left == [match.rule.id for match in plain.match(one)]


@settings(max_examples=150, deadline=None)
@given(st.one_of(values, st.text(min_size=1, max_size=40)), st.one_of(values, st.text(max_size=10)))
def test_a_value_is_itself_and_no_pattern(value: str, other: str) -> None:
    try:
        found = checked([Condition(field="user.name", values=(value,))])
    except Invalid:
        return
    items, faults = of_file(filter_of(found).encode(), "so-a", 0.0)
    assert not faults
    [one] = items

    class View:
        def __init__(self, text: str) -> None:
            self.text = text

        def value(self, name: str) -> str:
            return "so-a" if name == "organization.id" else self.text

    assert one.hides(View(value))  # type: ignore[arg-type]
    if other.lower() != value.lower():
        assert not one.hides(View(other))  # type: ignore[arg-type]
