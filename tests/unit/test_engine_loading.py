"""A rule that can't run is listed with place and reason, in bounded time; the others run (reliability.md B9, B10)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from correlator.engine import Engine
from correlator.engine import load as loader
from correlator.engine.documents import DocumentProblem, documents

GOOD = """title: A good rule
id: 11111111-2222-4333-8444-555555555555
status: test
level: high
logsource: {product: luytre, service: unit}
detection:
  sel: {f: good}
  condition: sel
"""
HEAD = "title: A rule\nid: 21111111-2222-4333-8444-555555555555\nlogsource: {product: linux}\n"


def load(tmp_path: Path, **files: str | bytes) -> Engine:
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / f"{name}.yml").write_bytes(data)
    return Engine.load([tmp_path])


HOSTILE: list[tuple[str, str | bytes, str, int, str]] = [
    # name, text, code, line, words of the reason
    ("not_yaml", "a: [1, 2", "LT-R0200", 1, "not YAML"),
    ("not_utf8", b"title: \xff\n", "LT-R0200", 1, "UTF-8"),
    ("a_list", "- 1\n- 2\n", "LT-R0201", 1, "mapping"),
    ("just_text", "hello", "LT-R0201", 1, "mapping"),
    ("alias_bomb", "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * 9)}]\n" for n in range(9)), "LT-R0200", 6, "values"),
    ("alias_depth", "a0: &a0 [[[[[[[[x]]]]]]]]\n" + "".join(
        f"a{n + 1}: &a{n + 1} [[[[*a{n}]]]]\n" for n in range(9)), "LT-R0200", 5, "nested"),
    ("alias_text", "a: &a " + "x" * 500_000 + "\ntags: [" + "*a, " * 50_000 + "x]\n", "LT-R0200", 2, "characters"),
    ("alias_in_itself", "title: x\na: &a [1, *a]\n", "LT-R0200", 2, "closed"),
    ("alias_unknown", "title: x\nb: *a\n", "LT-R0200", 2, "anchor"),
    ("documents", "---\n- 1\n" * 1100, "LT-R0200", 2001, "documents"),
    ("long_number", "title: x\nn: " + "9" * 5000, "LT-R0200", 2, "number"),
    ("object_tag", HEAD + "x: !!python/object/apply:os.system [id]\n", "LT-R0200", 4, "tag"),
    ("twice", HEAD + "level: low\nlevel: high\n", "LT-R0200", 5, "twice"),
    ("deep", "a: " + "[" * 5000 + "]" * 5000, "LT-R0200", 1, "nested"),
    ("deep_blocks", "- " * 3000 + "x", "LT-R0200", 1, "nested"),
    ("no_detection", HEAD, "LT-R0201", 1, "detection"),
    ("no_condition", HEAD + "detection:\n  sel: {a: 1}\n", "LT-R0201", 4, "condition"),
    ("unknown_name", HEAD + "detection:\n  sel: {a: 1}\n  condition: other\n", "LT-R0201", 6, "other"),
    ("nothing", HEAD + "detection:\n  sel: {a: 1}\n  condition: 1 of x_*\n", "LT-R0201", 6, "nothing"),
    ("pipe", HEAD + "detection:\n  sel: {a: 1}\n  condition: sel | count() > 5\n", "LT-R0201", 6, "pipe"),
    ("modifier", HEAD + "detection:\n  sel: {a|sounds_like: 1}\n  condition: sel\n", "LT-R0201", 4, "sounds_like"),
    ("lookahead", HEAD + 'detection:\n  sel:\n    b: 1\n    a|re: "(?=x)y"\n  condition: sel\n', "LT-R0202", 7, "RE2"),
    ("backreference", HEAD + 'detection:\n  sel: {a|re: "(x)\\\\1"}\n  condition: sel\n', "LT-R0202", 5, "RE2"),
    ("huge_repeat", HEAD + 'detection:\n  sel: {a|re: "((a{100}){100}){100}"}\n  condition: sel\n', "LT-R0202", 5,
     "RE2"),
    ("condition_type", HEAD + "detection:\n  sel: {a: 1}\n  condition: {x: 1}\n", "LT-R0201", 6, "text"),
    ("parentheses", HEAD + f"detection:\n  sel: {{a: 1}}\n  condition: {'(' * 40}sel{')' * 40}\n", "LT-R0201", 6,
     "deep"),
    ("long", HEAD + f"detection:\n  sel: {{a: 1}}\n  condition: {' or '.join(['sel'] * 500)}\n", "LT-R0201", 6,
     "words"),
    ("stars", HEAD + f"detection:\n  {'a' * 900}b: {{a: 1}}\n  condition: 1 of {'*a' * 400}*c\n",
     "LT-R0201", 6, "nothing"),
    ("windash", HEAD + f"detection:\n  sel: {{a|windash|contains: '{' -a' * 30}'}}\n  condition: sel\n", "LT-R0201", 4,
     "windash"),
    ("action", "action: global\ntitle: x\n", "LT-R0201", 1, "action"),
    ("unsupported", HEAD + "status: unsupported\ndetection:\n  s: {a: 1}\n  condition: s\n", "LT-R0201", 4,
     "unsupported"),
    ("bad_level", HEAD + "level: huge\ndetection:\n  s: {a: 1}\n  condition: s\n", "LT-R0201", 4, "level"),
    ("nested_oddly", HEAD + "detection:\n  s: {a: {b: {c: 1}}}\n  condition: s\n", "LT-R0201", 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "code", "line", "words"), HOSTILE, ids=[case[0] for case in HOSTILE])
def test_a_bad_rule_is_listed_and_the_others_run(name: str, text: str | bytes, code: str, line: int, words: str,
                                                 tmp_path: Path) -> None:  # fmt: skip
    started = time.process_time()
    engine = load(tmp_path, good_rule=GOOD, **{name: text})
    assert time.process_time() - started < 5
    assert [rule.about.title for rule in engine.rules] == ["A good rule"]
    (refused,) = engine.refused
    assert refused.path.endswith(f"{name}.yml")
    assert refused.code == code
    assert words.lower() in refused.reason.lower()
    assert abs(refused.line - line) <= 1 if words else refused.line > 0


@pytest.mark.parametrize("count", [20_000, 2_000_000])
def test_a_huge_value_list_takes_bounded_time(count: int, tmp_path: Path) -> None:
    values = "".join(f"      - value{n}\n" for n in range(count))
    text = HEAD + f"detection:\n  sel:\n    a:\n{values}  condition: sel\n"
    started = time.process_time()
    engine = load(tmp_path, good_rule=GOOD, huge_values=text)
    assert time.process_time() - started < 15
    assert len(engine.rules) + len(engine.refused) == 2


def test_a_file_of_ten_megabytes_is_not_read_whole(tmp_path: Path) -> None:
    values = "      - value\n" * 1_000_000
    engine = load(
        tmp_path, good_rule=GOOD, huge_values=HEAD + f"detection:\n  sel:\n    a:\n{values}  condition: sel\n"
    )
    (refused,) = engine.refused
    assert refused.code == "LT-R0200"
    assert "1024 KiB" in refused.reason
    assert len(engine.rules) == 1


def test_more_files_than_the_limit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "FILES_LIMIT", 20)
    for number in range(30):
        text = GOOD.replace("11111111-2222-4333-8444-555555555555", f"11111111-2222-4333-8444-{number:012}")
        (tmp_path / f"rule_{number:03}.yml").write_text(text)
    engine = Engine.load([tmp_path])
    assert len(engine.rules) == 20
    (refused,) = engine.refused
    assert refused.path.endswith("rule_019.yml")
    assert "20 files" in refused.reason


def test_as_many_files_as_the_limit_are_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "FILES_LIMIT", 1)
    (tmp_path / "rule.yml").write_text(GOOD)
    engine = Engine.load([tmp_path])
    assert len(engine.rules) == 1
    assert engine.refused == ()


def test_more_text_than_the_limit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "TOTAL_LIMIT_BYTES", 2 * len(GOOD))
    for number in range(5):
        text = GOOD.replace("11111111-2222-4333-8444-555555555555", f"11111111-2222-4333-8444-{number:012}")
        (tmp_path / f"rule_{number:03}.yml").write_text(text)
    engine = Engine.load([tmp_path])
    assert len(engine.rules) == 3
    assert "not read" in engine.refused[0].reason


def test_long_keys_over_many_others_take_bounded_memory() -> None:
    inner = "\n".join(f"  k{n}: 1" for n in range(20_000))
    (document,) = documents(f"? {'x' * 400_000}\n:\n{inner}\ntitle: y\n".encode())
    assert sum(map(len, document.lines)) < 1_000_000
    assert document.line_of("title") == 20_003


@pytest.mark.parametrize(
    ("detection", "words"),
    [
        # Each is small in the file and large when it is written out.
        ("sel: {a|windash: [" + ", ".join(f"' -a -b -c -d {n}'" for n in range(200)) + "]}", "too many"),
        ("sel: {a|expand: '%x%-%y%-%z%'}", "placeholders make"),
        ("sel: {a: 1}\n  condition: " + "not " * 600 + "sel", "words"),
        ("sel: {a: 1}\n  condition: " + "(" * 17 + "sel" + ")" * 17, "deeper"),
    ],
)
def test_what_grows_when_it_is_read_is_refused(detection: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    values = ", ".join(f"v{n}" for n in range(50))
    (tmp_path / "pipelines" / "values.yaml").write_text("vars:\n" + "".join(f"  {n}: [{values}]\n" for n in "xyz"))
    condition = "" if "condition" in detection else "\n  condition: sel"
    (tmp_path / "a_rule.yml").write_text(HEAD + f"detection:\n  {detection}{condition}\n")
    started = time.process_time()
    engine = Engine.load([tmp_path / "a_rule.yml"], [tmp_path / "pipelines"])
    assert time.process_time() - started < 5
    assert not engine.rules
    assert words in (*engine.refused, *engine.waiting)[0].reason


def test_many_repetitions_of_a_long_list_are_refused(tmp_path: Path) -> None:
    values = ", ".join(f"v{n}" for n in range(60_000))
    text = HEAD + f"detection:\n  sel: {{a: [{values}]}}\n  condition: {' and '.join(['sel'] * 90)}\n"
    engine = load(tmp_path, product=text)
    assert "too many" in engine.refused[0].reason


def test_a_regular_expression_never_hangs(tmp_path: Path) -> None:
    text = HEAD.replace("linux", "luytre") + 'detection:\n  sel: {a|re: "(a+)+$", b|re: "(x*)*y"}\n  condition: sel\n'
    engine = load(tmp_path, redos=text)
    event = {"event": {"dataset": "unit"}, "a": "a" * 200_000 + "!", "b": "x" * 200_000}
    started = time.process_time()
    assert engine.match(event) == []
    assert time.process_time() - started < 2


def test_a_rule_without_values_for_its_placeholders_waits_and_says_for_which(tmp_path: Path) -> None:
    text = HEAD + "detection:\n  sel: {a|expand: '%admins%', b|expand|contains: 'x%hosts%'}\n  condition: sel\n"
    engine = load(tmp_path, good_rule=GOOD, placeholder=text)
    assert not engine.refused
    (waiting,) = engine.waiting
    assert (waiting.code, waiting.needs, waiting.line) == ("LT-R0203", ("admins", "hosts"), 4)
    assert "%admins%" in waiting.reason


def test_correlations_over_a_rule_that_waits_wait_with_it(tmp_path: Path) -> None:
    waits = HEAD + "name: waits\ndetection:\n  sel: {a|expand: '%admins%'}\n  condition: sel\n"
    engine = load(tmp_path, waits=waits, over=correlation(1, "over", "waits"), above=correlation(2, "above", "over"),
                  by_id=correlation(3, "third", "21111111-2222-4333-8444-555555555555"))  # fmt: skip
    assert not engine.refused
    assert [one.needs for one in engine.waiting] == [("admins",)] * 4
    assert sum("refers to" in one.reason for one in engine.waiting) == 3


def test_values_of_placeholders_stand_in_any_pipeline_file(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "ours.yaml").write_text("name: ours\nvars: {admins: [root, 'adm_*'], ports: 22, nets: [10.0.0.0/8]}\n")
    text = (
        HEAD.replace("linux", "luytre")
        + """detection:
  sel: {a|expand: '%admins%', p|expand: '%ports%', n|expand|cidr: '%nets%'}
  condition: sel
"""
    )
    (tmp_path / "a_rule.yml").write_text(text)
    engine = Engine.load([tmp_path / "a_rule.yml"], [folder])
    assert not engine.refused
    assert not engine.waiting
    for admin, found in (("root", True), ("ADM_HUNG", True), ("hung", False)):
        event = {"event": {"dataset": "unit"}, "a": admin, "p": 22, "n": "10.1.2.3"}
        assert bool(engine.match(event)) is found


def test_the_same_id_twice_is_refused_once(tmp_path: Path) -> None:
    engine = load(tmp_path, rule_one=GOOD, rule_two=GOOD.replace("A good rule", "Another"))
    assert len(engine.rules) == 1
    assert engine.refused[0].code == "LT-R0206"


CORRELATION = """title: Many
id: {id}
name: {name}
correlation:
  type: event_count
  rules: [{ref}]
  group-by: [f]
  timespan: 1m
  condition: {{gte: 3}}
level: high
"""


def correlation(number: int, name: str, ref: str) -> str:
    return CORRELATION.format(id=f"31111111-2222-4333-8444-{number:012}", name=name, ref=ref)


def test_cyclic_and_unknown_references_are_refused(tmp_path: Path) -> None:
    engine = load(tmp_path, good_rule=GOOD, first=correlation(1, "one", "two"), second=correlation(2, "two", "one"),
                  itself=correlation(3, "three", "three"), unknown=correlation(4, "four", "nowhere"),
                  fine=correlation(5, "five", "11111111-2222-4333-8444-555555555555"),
                  above=correlation(6, "six", "five"))  # fmt: skip
    assert [made.about.name for made in engine.correlations] == ["five", "six"]
    reasons = {Path(one.path).stem: (one.code, one.reason) for one in engine.refused}
    assert set(reasons) == {"first", "second", "itself", "unknown"}
    assert all(code == "LT-R0205" for code, _ in reasons.values())
    assert "itself" in reasons["itself"][1]
    assert "nowhere" in reasons["unknown"][1]


def test_a_rule_read_by_a_correlation_is_silent_unless_generate(tmp_path: Path) -> None:
    text = GOOD + "---\n" + correlation(1, "many_of_them", "11111111-2222-4333-8444-555555555555")
    assert [rule.silent for rule in load(tmp_path, together=text).rules] == [True]
    text = text.replace("  type: event_count", "  generate: true\n  type: event_count")
    assert [rule.silent for rule in load(tmp_path, together=text).rules] == [False]


def test_a_filter_narrows_its_rule(tmp_path: Path) -> None:
    text = """title: Leave the scanner alone
id: 41111111-2222-4333-8444-555555555555
logsource: {product: luytre, service: unit}
filter:
  rules: [11111111-2222-4333-8444-555555555555]
  selection: {source.ip: 10.0.0.9}
  condition: not selection
"""
    engine = load(tmp_path, good_rule=GOOD, a_filter=text)
    event = {"event": {"dataset": "unit"}, "f": "good"}
    assert engine.match(event)
    assert not engine.match({**event, "source": {"ip": "10.0.0.9"}})


def test_reload_keeps_a_rule_whose_file_broke(tmp_path: Path) -> None:
    before = load(tmp_path, good_rule=GOOD)
    (tmp_path / "good_rule.yml").write_text("title: [broken")
    after = Engine.load([tmp_path], keep=before)
    assert [rule.id for rule in after.rules] == [rule.id for rule in before.rules]
    assert after.refused[0].code == "LT-R0200"
    (tmp_path / "good_rule.yml").unlink()
    assert Engine.load([tmp_path], keep=after).rules == ()


def test_pipeline_transformations_of_pysigma_are_applied(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "mine.yml").write_text("""name: mine
priority: 5
vars: {admins: [root, admin]}
transformations:
  - {id: names, type: value_placeholders}
  - {id: fields, type: field_name_mapping, mapping: {User: user.name}}
""")
    text = HEAD.replace("linux", "luytre") + "detection:\n  s: {User|expand: '%admins%'}\n  condition: s\n"
    (tmp_path / "a_rule.yml").write_text(text)
    engine = Engine.load([tmp_path / "a_rule.yml"], [folder])
    assert not engine.refused
    assert engine.match({"event": {"dataset": "unit"}, "user": {"name": "admin"}})


def test_line_numbers_and_documents() -> None:
    found = documents(b"a: 1\n---\nb:\n  - {c: 2}\n  - x\n...\n---\n")
    assert [document.value for document in found] == [{"a": 1}, {"b": [{"c": 2}, "x"]}]
    assert found[1].lines["b.0.c"] == 4
    assert found[1].line_of("b.0.unknown") == 3
    with pytest.raises(DocumentProblem):
        documents(b"x" * (1024 * 1024 + 1))


def test_files_are_found_without_pipelines(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yaml", "c.txt", "pipelines/d.yml", "sub/e.yml", "playbooks/f.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in loader.files([tmp_path])] == ["a.yml", "b.yaml", "e.yml"]
