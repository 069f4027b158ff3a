"""The Sigma specification 2.1.0, section by section: a rule's detection, an event, whether it matches.

Each case goes through files, loader and engine. test_engine_semantics.py has the traps of values, this file the forms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from correlator.engine import Engine
from correlator.engine.modifiers import DASHES, MODIFIERS

HEAD: dict[str, Any] = {
    "title": "A rule under test",
    "id": "11111111-2222-4333-8444-555555555555",
    "level": "low",
    "logsource": {"product": "luytre", "service": "unit"},
}


class Case(NamedTuple):
    section: str
    detection: str  # YAML; without `condition`: "condition: sel"
    event: dict[str, Any]
    expected: bool


def v(section: str, key: str, value: str, given: Any, expected: bool) -> Case:
    """One field f: `value` in YAML's words."""
    return Case(section, f"sel:\n  '{key}': {value}", {"f": given}, expected)


CASES = [
    # --- sigma-rules-specification: General, String Wildcard ---------------------------------------------------------
    v("general: case-insensitive", "f", "PrOgA.exe", "progA.EXE", True),
    v("wildcard: ? is one character", "f", "prog?.exe", "progA.exe", True),
    v("wildcard: ? is mandatory", "f", "prog?.exe", "prog.exe", False),
    v("wildcard: * is any number", "f", "antivirus_V*.exe", "antivirus_V21.2.1.exe", True),
    v("wildcard: * is also none", "f", "antivirus_V*.exe", "antivirus_V.exe", True),
    # --- Escape Character: "the following possibilities" -------------------------------------------------------------
    v("escape: single backslash", "f", r"'C:\temp'", r"C:\temp", True),
    v("escape: double backslash is single", "f", r"'C:\\temp'", r"C:\temp", True),
    v("escape: escaped wildcard", "f", r"'a\*b'", "a*b", True),
    v("escape: escaped wildcard is no wildcard", "f", r"'a\*b'", "axb", False),
    v("escape: escaped question mark", "f", r"'a\?b'", "axb", False),
    v("escape: backslash before a wildcard", "f", r"'C:\\*'", r"C:\anything", True),
    v("escape: both escaped", "f", r"'C:\\\*'", r"C:\*", True),
    v("escape: both escaped is plain", "f", r"'C:\\\*'", r"C:\x", False),
    v("escape: three backslashes are two", "f", r"'\\\x'", r"\\x", True),
    v("escape: four backslashes are two", "f", r"'\\\\x'", r"\\x", True),
    v("escape: at the end", "f", r"'x\'", "x\\", True),
    # --- Lists -------------------------------------------------------------------------------------------------------
    Case("lists: strings are alternatives", "sel: [EVILSERVICE, svchost.exe -n evil]", {"m": "x evilservice y"}, True),
    Case("lists: maps are alternatives", "sel:\n- {a|endswith: '\\x.exe'}\n- {b|contains: exe}", {"b": "an exe"}, True),
    Case("lists: maps, none", "sel:\n- {a: 1}\n- {b: 2}", {"a": "2", "b": "1"}, False),
    Case("lists: strings and maps mixed", "sel:\n- needle\n- {a: 1}", {"m": "a needle"}, True),
    Case("lists: strings and maps mixed, map", "sel:\n- needle\n- {a: 1}", {"a": 1}, True),
    Case("lists: a list in a list", "sel:\n- [{a: 1}, {b: 1}]\n- {c: 1}", {"b": 1}, True),
    Case("lists: a plain text", "sel: needle", {"m": "a needle"}, True),
    # --- Maps --------------------------------------------------------------------------------------------------------
    Case("maps: all", "sel: {EventLog: Security, EventID: [517, 1102]}",
         {"EventLog": "Security", "EventID": 1102}, True),
    Case("maps: all, not one", "sel: {EventLog: Security, EventID: [517, 1102]}", {"EventLog": "Security"}, False),
    Case("maps: quoted hexadecimal", "sel: {TicketOptions: '0x40810000'}", {"TicketOptions": "0x40810000"}, True),
    # --- Field Usage -------------------------------------------------------------------------------------------------
    Case("fields: dotted", "sel: {a.b.c: 1}", {"a": {"b": {"c": 1}}}, True),
    Case("fields: names have capitals", "sel: {FieldA: 1}", {"fielda": 1}, False),
    # --- Special Field Values ----------------------------------------------------------------------------------------
    v("special: empty", "f", "''", "", True),
    v("special: empty is not absent", "f", "''", None, False),
    v("special: null", "f", "null", None, True),
    v("special: null is not empty", "f", "null", "", False),
    Case("special: not null", "sel: {a: 1}\nfilter: {f: null}\ncondition: sel and not filter",
         {"a": 1, "f": "x"}, True),
    Case("special: not null, absent", "sel: {a: 1}\nfilter: {f: null}\ncondition: sel and not filter", {"a": 1}, False),
    Case("special: the valid example",
         "selection_main: {a: 1}\nselection_empty1: {b: ''}\nselection_empty2: {b: null}\n"
         "condition: selection_main and 1 of selection_empty*", {"a": 1, "b": ""}, True),
    Case("special: the valid example, filled", "selection_main: {a: 1}\nselection_empty1: {b: ''}\nselection_empty2: "
         "{b: null}\ncondition: selection_main and 1 of selection_empty*", {"a": 1, "b": "x"}, False),
    v("special: numbers", "f", "4625", "4625", True),
    v("special: a float", "f", "1.5", 1.5, True),
    v("special: a negative number", "f", "-1", "-1", True),
    v("special: bool", "f", "true", "TRUE", True),
    v("special: bool is no number", "f", "true", 1, False),
    # --- YAML 1.2.2: the core schema ---------------------------------------------------------------------------------
    v("yaml: yes is a text", "f", "yes", "Yes", True),
    v("yaml: off is a text", "f", "off", "OFF", True),
    v("yaml: a time is a text", "f", "12:30:45", "12:30:45", True),
    v("yaml: a date is a text", "f", "2026-01-01", "2026-01-01", True),
    v("yaml: a leading zero is kept", "f|contains", "00000429", "x 00000429", True),
    v("yaml: a leading zero makes no number", "f", "010", 10, False),
    v("yaml: hexadecimal", "f", "0x10", 16, True),
    v("yaml: a number with an underscore is a text", "f", "1_000", "1_000", True),
    Case("yaml: an alias", "one: &x {a: 1}\ntwo: {b: [1, 2]}\nthree: *x\ncondition: two and three",
         {"a": 1, "b": 2}, True),
    # --- Field Existence ---------------------------------------------------------------------------------------------
    v("exists: null is there", "f|exists", "true", None, True),
    Case("exists: absent", "sel: {f|exists: true}", {"g": 1}, False),
    Case("exists: false", "sel: {f|exists: false}", {"g": 1}, True),
    v("exists: false, empty", "f|exists", "false", "", False),
    # --- Placeholders: see also test_engine_loading.py ---------------------------------------------------------------
    v("placeholders: literal without expand", "f", "'%name%'", "%name%", True),
    v("placeholders: values", "f|expand", "'%users%'", "ADMIN", True),
    v("placeholders: a pattern", "f|expand", "'%users%'", "svc_backup", True),
    v("placeholders: none of them", "f|expand", "'%users%'", "guest", False),
    v("placeholders: within a text", "f|expand", "'corp/%users%'", "CORP/admin", True),
    v("placeholders: behind a backslash", "f|expand", r"'corp\\%users%'", r"CORP\admin", True),
    v("placeholders: a plain percent", "f|expand", r"'\%plain%users%'", "%plainadmin", True),
    v("placeholders: two", "f|expand", "'%users%@%hosts%'", "admin@srv2", True),
    v("placeholders: then contains", "f|expand|contains", "'%users%'", "x admin x", True),
    v("placeholders: contains, then expand", "f|contains|expand", "'%users%'", "x admin x", True),
    v("placeholders: all, each by any value", "f|contains|expand|all", "['%users%', '%hosts%']", "svc_1 srv2", True),
    v("placeholders: all, one missing", "f|contains|expand|all", "['%users%', '%hosts%']", "svc_1", False),
    v("placeholders: a network", "f|expand|cidr", "'%nets%'", "10.9.8.7", True),
    v("placeholders: in a regular expression", "f|re|expand", "'^%dots%$'", "a.b", True),
    v("placeholders: in a regular expression they are plain", "f|re|expand", "'^%dots%$'", "axb", False),
    v("placeholders: before a regular expression", "f|expand|re", "'^%dots%$'", "axb", False),
    v("placeholders: neq", "f|expand|neq", "'%users%'", "guest", True),
    # --- Keywords search ---------------------------------------------------------------------------------------------
    Case("keywords: or", "sel: ['event::clear', 'event::drop']", {"x": {"y": "do EVENT::DROP it"}}, True),
    Case("keywords: |all is and", "sel:\n  '|all': [OabVirtualDirectory, ' -ExternalUrl ']",
         {"a": "set OABVirtualDirectory", "b": "x -externalurl y"}, True),
    Case("keywords: |all, one missing", "sel:\n  '|all': [OabVirtualDirectory, ' -ExternalUrl ']",
         {"a": "OabVirtualDirectory"},
         False),
    Case("keywords: a number", "sel: [4625]", {"code": 4625}, True),
    Case("keywords: |re", "sel:\n  '|re': 'a{3}'", {"m": "xaaax"}, True),
    Case("keywords: |cased", "sel:\n  '|cased': Needle", {"m": "needle"}, False),
    Case("keywords: |windash|all", "sel:\n  '|windash|all': [' -a', ' -b']", {"m": "x /a –b"}, True),
    Case("keywords: |contains|all", "sel:\n  '|contains|all': [one, two]", {"m": "two, one"}, True),
    Case("keywords: a wildcard", "sel: ['a*z']", {"m": "-- a to z --"}, True),
    Case("keywords: an escaped wildcard", "sel: ['a\\*z']", {"m": "-- a to z --"}, False),
    # --- Condition ---------------------------------------------------------------------------------------------------
    Case("condition: not over absent", "sel: {a: 1}\ncondition: not sel", {}, True),
    Case("condition: double not", "sel: {a: 1}\ncondition: not not sel", {"a": 1}, True),
    Case("condition: not binds before and", "x: {a: 1}\ny: {b: 1}\ncondition: not x and y", {"b": 1}, True),
    Case("condition: and binds before or", "x: {a: 1}\ny: {b: 1}\nz: {c: 1}\ncondition: x or y and z", {"a": 1}, True),
    Case("condition: brackets", "x: {a: 1}\ny: {b: 1}\nz: {c: 1}\ncondition: (x or y) and z", {"a": 1}, False),
    Case("condition: not over brackets", "x: {a: 1}\ny: {b: 1}\ncondition: not (x or y)", {"b": 1}, False),
    Case("condition: 1 of them", "x: {a: 1}\ny: {b: 1}\ncondition: 1 of them", {"b": 1}, True),
    Case("condition: any of them", "x: {a: 1}\ny: {b: 1}\ncondition: any of them", {"b": 1}, True),
    Case("condition: all of them", "x: {a: 1}\ny: {b: 1}\ncondition: all of them", {"b": 1}, False),
    Case("condition: all of them, without _names", "x: {a: 1}\n_y: {b: 1}\ncondition: all of them", {"a": 1}, True),
    Case("condition: a _name by its name", "x: {a: 1}\n_y: {b: 1}\ncondition: x and _y", {"a": 1}, False),
    Case("condition: patterns pass over _names", "x_1: {a: 1}\n_x_1: {b: 1}\ncondition: all of *x_1", {"a": 1}, True),
    Case("condition: a pattern of _names", "_x_1: {a: 1}\n_x_2: {b: 1}\nx: {c: 1}\ncondition: 1 of _x_*",
         {"b": 1}, True),
    Case("condition: pattern at the front", "a_x: {a: 1}\nb_x: {b: 1}\ny: {c: 1}\ncondition: all of *_x",
         {"a": 1, "b": 1}, True),
    Case("condition: pattern in the middle", "a_1_x: {a: 1}\na_2_x: {b: 1}\ncondition: 1 of a*x", {"b": 1}, True),
    Case("condition: pattern without a wildcard", "x: {a: 1}\nxy: {b: 1}\ncondition: 1 of x", {"b": 1}, False),
    Case("condition: pattern with a hyphen", "s-1: {a: 1}\ns-2: {b: 1}\ncondition: 1 of s-*", {"b": 1}, True),
    Case("condition: not 1 of", "x: {a: 1}\nf_1: {b: 1}\nf_2: {c: 1}\ncondition: x and not 1 of f_*",
         {"a": 1, "c": 1}, False),
    Case("condition: a list is or", "x: {a: 1}\ny: {b: 1}\ncondition: [x, y]", {"b": 1}, True),
    Case("condition: names that begin like operators", "not_x: {a: 1}\norder: {b: 1}\nandy: {c: 1}\n"
         "condition: not_x and order or andy", {"a": 1, "b": 1}, True),
    Case("condition: not before such a name", "x: {a: 1}\nnot_x: {b: 1}\ncondition: x and not not_x", {"a": 1}, True),
    Case("condition: a name called all", "all: {a: 1}\ncondition: all", {"a": 1}, True),
    Case("condition: many lines", "x: {a: 1}\ny: {b: 1}\ncondition: |\n  x\n    and\n  not y\n", {"a": 1}, True),
    Case("condition: capitals", "x: {a: 1}\ny: {b: 1}\ncondition: x AND NOT y", {"a": 1}, True),
    Case("condition: no blanks at brackets", "x: {a: 1}\ny: {b: 1}\ncondition: not(x)and(y)", {"b": 1}, True),
    # --- sigma-appendix-modifiers: generic ---------------------------------------------------------------------------
    v("all: every value", "f|contains|all", "[one, two]", "two one", True),
    v("all: every value, one missing", "f|contains|all", "[one, two]", "one", False),
    v("all: one value", "f|contains|all", "one", "one two", True),
    v("startswith", "f|startswith", "adm", "ADMIN", True),
    v("startswith: no more", "f|startswith", "adm", "xadm", False),
    v("startswith: a wildcard inside", "f|startswith", "a*c", "abcd", True),
    v("startswith: an escaped wildcard at the end", "f|startswith", r"'a\*'", "a*b", True),
    v("startswith: an escaped wildcard is plain", "f|startswith", r"'a\*'", "ab", False),
    v("endswith", "f|endswith", r"'\cmd.exe'", r"C:\CMD.exe", True),
    v("endswith: no more", "f|endswith", r"'\cmd.exe'", r"C:\cmd.exe x", False),
    v("contains", "f|contains", "b", "abc", True),
    v("contains: a number", "f|contains", "46", 4625, True),
    v("contains: a bool", "f|contains", "true", "is true", True),
    v("startswith: a number", "f|startswith", "46", "4625", True),
    v("cased", "f|cased", "Abc", "abc", False),
    v("cased: before contains", "f|cased|contains", "Abc", "xAbcx", True),
    v("cased: behind contains", "f|contains|cased", "Abc", "xabcx", False),
    v("neq: other", "f|neq", "a", "b", True),
    v("neq: none of a list", "f|neq", "[a, b]", "b", False),
    v("neq: behind contains", "f|contains|neq", "a", "xax", False),
    v("neq: a number", "f|neq", "5", 6, True),
    v("neq: a number, equal as text", "f|neq", "5", "5", False),
    Case("neq: absent", "sel: {f|neq: a}", {"g": 1}, True),
    # --- string modifiers --------------------------------------------------------------------------------------------
    *(v(f"windash: {ord(dash):#x} in the event", "f|windash|contains", "' -flag'", f"x {dash}flag", True)
      for dash in DASHES),
    *(v(f"windash: {ord(dash):#x} in the rule", "f|windash|contains", f"' {dash}flag'", "x /flag", True)
      for dash in DASHES),
    v("windash: two flags", "f|windash|contains", "' -a -b'", "x /a —b", True),
    v("windash: not within a word", "f|windash|contains", "' -param-name'", "x /param/name", False),
    v("windash: another sign", "f|windash|contains", "' -flag'", "x +flag", False),
    v("windash: behind contains", "f|contains|windash", "' -flag'", "x /flag y", True),
    v("re", "f|re", r"'^\w{3}\d+$'", "abc123", True),
    v("re: case-sensitive", "f|re", "abc", "ABC", False),
    v("re: no wildcards", "f|re", "a*b", "xb", True),
    v("re: alternation, classes, groups", "f|re", "'(a|b)[^x-z]?c'", "bc", True),
    v("re: a number as pattern", "f|re", "46", 4625, True),
    v("re: inline flags", "f|re", "'(?i)abc'", "ABC", True),
    v("re: an inline flag inside", "f|re", "'a(?i)bc'", "aBC", True),
    v("re|i", "f|re|i", "abc", "ABC", True),
    v("re|ignorecase", "f|re|ignorecase", "abc", "ABC", True),
    v("re|m", "f|re|m", "^b$", "a\nb\nc", True),
    v("re|multiline", "f|re|multiline", "^b$", "a\nb\nc", True),
    v("re|s", "f|re|s", "a.c", "a\nc", True),
    v("re|dotall", "f|re|dotall", "a.c", "a\nc", True),
    v("re|i|s", "f|re|i|s", "A.C", "a\nc", True),
    v("re: without s", "f|re", "a.c", "a\nc", False),
    v("re|startswith", "f|re|startswith", "b|c", "ab", False),
    v("re|endswith", "f|re|endswith", "a|b", "ab", True),
    v("re|contains", "f|re|contains", "b+", "abc", True),
    v("re|neq", "f|re|neq", "b+", "abc", False),
    v("re|all", "f|re|all", "[a, c]", "abc", True),
    # --- encodings: the specification's own bytes --------------------------------------------------------------------
    v("base64", "f|base64", "cmd", "Y21k", True),
    v("base64: contains", "f|base64|contains", "foobar", "x Zm9vYmFy y", True),
    v("base64: a plain star", "f|base64", r"'a\*b'", "YSpi", True),
    v("base64: beyond ASCII", "f|base64", "đ", "xJE=", True),
    v("base64offset: at 0", "f|base64offset|contains", "foobar", "xxZm9vYmFyyy", True),
    v("base64offset: at 1", "f|base64offset|contains", "foobar", "IGZvb2Jhcg==", True),
    v("base64offset: at 2", "f|base64offset|contains", "foobar", "ICBmb29iYXI=", True),
    v("base64offset: beyond ASCII", "f|base64offset|contains", "việt", "eHZp4buHdHk=", True),
    v("utf16le: cmd is 63 00 6d 00 64 00", "f|utf16le|base64", "cmd", "YwBtAGQA", True),
    v("wide: is utf16le", "f|wide|base64", "cmd", "YwBtAGQA", True),
    v("utf16be: cmd is 00 63 00 6d 00 64", "f|utf16be|base64", "cmd", "AGMAbQBk", True),
    v("utf16: FF FE before it", "f|utf16|base64", "cmd", "//5jAG0AZAA=", True),
    v("wide|base64offset", "f|wide|base64offset|contains", "ping", "cABpAG4AZw", True),
    v("wide: Vietnamese", "f|wide|base64", "ệ", "xx4=", True),
    v("wide: bytes as they stand", "f|wide|contains", "cmd", "xc\x00m\x00d\x00x", True),
    # --- numbers -----------------------------------------------------------------------------------------------------
    v("lt", "f|lt", "5", 4, True),
    v("lt: equal", "f|lt", "5", 5, False),
    v("lte", "f|lte", "5", "5", True),
    v("gt", "f|gt", "5", 5.5, True),
    v("gte", "f|gte", "5", 5, True),
    v("gte: a quoted number", "f|gte", "'5'", 5, True),
    v("gt: a negative number", "f|gt", "-5", -4, True),
    v("gt: any of a list", "f|gt", "[5, 1]", 3, True),
    v("gt: all of a list", "f|gt|all", "[5, 1]", 3, False),
    v("gt: text", "f|gt", "5", "many", False),
    # --- times -------------------------------------------------------------------------------------------------------
    v("minute", "f|minute", "10", "2026-01-05T22:10:00Z", True),
    v("hour", "f|hour", "22", "2026-01-05T22:10:00Z", True),
    v("hour: any of a list", "f|hour", "[21, 22]", "2026-01-05T22:10:00Z", True),
    v("hour|gte", "f|hour|gte", "22", "2026-01-05T21:59:59Z", False),
    v("hour|neq", "f|hour|neq", "22", "2026-01-05T21:59:59Z", True),
    v("day", "f|day", "5", "2026-01-05T22:10:00Z", True),
    v("week", "f|week", "2", "2026-01-05T22:10:00Z", True),
    v("month", "f|month", "1", "2026-01-05T22:10:00Z", True),
    v("year|lt", "f|year|lt", "2026", "2025-12-31T23:59:59Z", True),
    v("year: no date", "f|year", "2026", "2026", False),
    # --- cidr --------------------------------------------------------------------------------------------------------
    v("cidr: IPv4", "f|cidr", "10.0.0.0/8", "10.1.2.3", True),
    v("cidr: outside", "f|cidr", "10.0.0.0/8", "11.1.2.3", False),
    v("cidr: IPv6", "f|cidr", "'fe80::/10'", "fe80::1", True),
    v("cidr: IPv6 outside", "f|cidr", "'fe80::/10'", "2001:db8::1", False),
    v("cidr: an address alone", "f|cidr", "10.0.0.1", "10.0.0.1", True),
    v("cidr: an address of the network", "f|cidr", "10.1.2.3/8", "10.9.9.9", True),
    v("cidr: a list", "f|cidr", "[192.168.0.0/16, '::1/128']", "::1", True),
    v("cidr|neq", "f|cidr|neq", "10.0.0.0/8", "11.1.2.3", True),
    # --- fieldref ----------------------------------------------------------------------------------------------------
    *(Case(f"{key}: {left} {right}", f"sel: {{'f|{key}': g}}", {"f": left, "g": right}, expected)
      for key, left, right, expected in (
        ("fieldref", "Same", "same", True),
        ("fieldref", "one", "other", False),
        ("fieldref|cased", "Same", "same", False),
        ("fieldref|neq", "one", "other", True),
        ("fieldref|neq", "same", "same", False),
        ("fieldref|startswith", "abc", "ab", True),
        ("fieldref|endswith", "abc", "bc", True),
        ("fieldref|contains", "abc", "b", True),
        ("fieldref|contains", "abc", "x", False),
        ("startswith|fieldref", "abc", "ab", True),
    )),
    Case("fieldref: neither is there", "sel: {f|fieldref: g}", {"h": 1}, False),
]  # fmt: skip

VALUES = """name: the agency's own
vars:
  users: [admin, 'svc_*']
  hosts: [srv1, srv2]
  nets: [10.0.0.0/8, 192.168.0.0/16]
  dots: a.b
"""


def load(folder: Path, **more: Any) -> Engine:
    rule = folder / "rule_under_test.yml"
    rule.write_text(
        yaml.safe_dump({**HEAD, "detection": {"sel": {"f": 1}, "condition": "sel"}, **more}, allow_unicode=True),
        "utf-8",
    )
    (folder / "values.yaml").write_text(VALUES, "utf-8")
    return Engine.load([rule], [folder / "values.yaml"])


def text(case: Case) -> str:
    body = "\n".join("  " + line for line in case.detection.splitlines())
    condition = "" if "condition:" in case.detection else "\n  condition: sel"
    head: str = yaml.safe_dump(HEAD)
    return f"{head}detection:\n{body}{condition}\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.section)
def test_a_case(case: Case, tmp_path: Path) -> None:
    (tmp_path / "rule_under_test.yml").write_text(text(case), "utf-8")
    (tmp_path / "values.yaml").write_text(VALUES, "utf-8")
    engine = Engine.load([tmp_path / "rule_under_test.yml"], [tmp_path / "values.yaml"])
    assert not engine.refused, engine.refused
    assert not engine.waiting, engine.waiting
    assert bool(engine.match({"event": {"dataset": "unit"}, **case.event})) is case.expected


def test_every_modifier_has_a_case() -> None:
    used = {name for case in CASES for line in case.detection.splitlines() if "|" in line
            for name in line.replace("'", "").partition(":")[0].strip(" {").split("|")[1:]}  # fmt: skip
    used |= {"fieldref", "exists", "neq"}  # written in one line
    assert set(MODIFIERS) - used == set()


def test_sections_are_told_apart() -> None:
    assert len({case.section for case in CASES}) == len(CASES)


REFUSED = [
    # What the specification itself rejects: (detection, words of the reason)
    ("sel: {'f|re': '(?=x)'}", "RE2"),  # metacharacters other than those listed are unsupported
    ("sel: {'f|sounds': x}", "sounds"),
    ("sel: {'f|contains': null}", "null"),
    ("sel: {'f|gt': many}", "number"),
    ("sel: {'f|cidr': 10.0.0.0/33}", "network"),
    ("sel: {'f|exists': maybe}", "true or false"),
    ("sel: {'f|hour': noon}", "number"),
    ("sel: {'f|base64': 'a*b'}", "wildcard"),
    ("sel: {'f|i': x}", "`re`"),
    ("sel: {'f|contains|re': x}", "first"),
    ("sel: {'f|fieldref': 'a*'}", "wildcards"),
    ("sel: {'|exists': true}", "field"),
    ("sel: {f: {g: 1}}", "value"),
    ("sel: {}", "empty"),
    ("sel: []", "empty"),
    ("sel: {f: 1}\ncondition: other", "other"),
    ("sel: {f: 1}\ncondition: sel or", "lacks a name"),
    ("sel: {f: 1}\ncondition: (sel", "closed"),
    ("sel: {f: 1}\ncondition: sel sel", "sel"),
    ("sel: {f: 1}\ncondition: 2 of sel*", "2"),
    ("sel: {f: 1}\ncondition: 1 of filter*", "nothing"),
    ("sel: {f: 1}\ncondition: sel | count() > 5", "correlation"),
    ("sel: {f: 1}\ncondition: []", "condition"),
    ("sel: {f: 1}\ncondition: 5", "text"),
]


@pytest.mark.parametrize(("detection", "words"), REFUSED, ids=[detection for detection, _ in REFUSED])
def test_what_the_specification_rejects_is_refused_with_its_place(detection: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "rule_under_test.yml").write_text(text(Case("", detection, {}, False)), "utf-8")
    engine = Engine.load([tmp_path / "rule_under_test.yml"])
    (refused,) = engine.refused
    assert words.lower() in refused.reason.lower()
    assert refused.line >= 8  # within the detection
    assert refused.title == HEAD["title"]


@pytest.mark.parametrize("more", [
    {"id": "not-a-uuid"}, {"id": None}, {"id": "—"}, {"id": 7}, {"date": "05/01/2026"}, {"tags": ["odd"]},
    {"author": [1]}, {"taxonomy": "ecs"}, {"scope": ["server"]}, {"license": "MIT"}, {"fields": ["f"]},
    {"status": "deprecated"}, {"falsepositives": "none"}, {"related": [{"id": "x", "type": "similar"}]},
    {"level": "HIGH"}, {"own_field": {"a": 1}},
    {"logsource": {"product": "Luytre", "service": "UNIT", "definition": "x", "more": 1}}, {"logsource": {}},
])  # fmt: skip
def test_metadata_does_not_stop_a_detection(more: dict[str, Any], tmp_path: Path) -> None:
    engine = load(tmp_path, **more)
    assert not engine.refused, engine.refused
    assert engine.match({"event": {"dataset": "unit"}, "f": 1})


@pytest.mark.parametrize(("more", "key"), [
    ({"title": None}, "title"), ({"title": "x" * 257}, "title"), ({"level": "huge"}, "level"),
    ({"status": "new"}, "status"),
    ({"status": "unsupported"}, "status"), ({"logsource": None}, "source"), ({"logsource": {"product": 1}}, "product"),
    ({"detection": None}, "detection"), ({"detection": []}, "detection"),
])  # fmt: skip
def test_metadata_without_which_it_can_not_run(more: dict[str, Any], key: str, tmp_path: Path) -> None:
    (refused,) = load(tmp_path, **more).refused
    assert key in refused.reason
