"""The search language by example."""

from __future__ import annotations

import pytest

from correlator.store.base import All, And, Exists, Is, Not, Or, Range, Text
from correlator.store.query import QueryError, micros, network, parse


@pytest.mark.parametrize(("text", "tree"), [
    ("", All()), ("  *  ", All()), ("*:*", All()),
    ("đăng nhập", And((Text("đăng"), Text("nhập")))),
    ('"đăng nhập"', Text("đăng nhập")),
    ("user.name:root", Is("user.name", "root")),
    ('user.name:"Trần Văn A"', Is("user.name", "Trần Văn A")),
    ("a:1 b:1.5 c:true d:007 e:1.10",
     And((Is("a", 1), Is("b", 1.5), Is("c", True), Is("d", "007"), Is("e", "1.10")))),
    ("process.name:power*.exe", Is("process.name", "power*.exe", wildcard=True)),
    ("p:C:\\Win*", Is("p", "C:\\\\Win*", wildcard=True)), ("p:a\\*", Is("p", "a*")),
    ("user.name:*", Exists("user.name")),
    ("user.name:(root OR admin)", Or((Is("user.name", "root"), Is("user.name", "admin")))),
    ("a OR b c", Or((Text("a"), And((Text("b"), Text("c")))))),
    ("(a OR b) c", And((Or((Text("a"), Text("b"))), Text("c")))),
    ("NOT a -b", And((Not(Text("a")), Not(Text("b"))))),
    ("a AND NOT b", And((Text("a"), Not(Text("b"))))),
    ("port>=1024", Range("port", 1024, None)), ("port:<10", Range("port", None, 10)),
    ("port > 5", And((Range("port", 5, None), Not(Is("port", 5))))),
    ("port<=5", Or((Range("port", None, 5), Is("port", 5)))),
    ("t:[2026-11-22 TO *}", Range("t", "2026-11-22", None)),
    ("t:[1 TO 2]", Or((Range("t", 1, 2), Is("t", 2)))),
    ("source.ip:10.0.0.0/8", Is("source.ip", "10.0.0.0/8")),
    ("2001:db8::1", Text("2001:db8::1")), ("http://a.vn/?x=*", Text("http://a.vn/?x=*")),
    ("ORacle ANDes", And((Text("ORacle"), Text("ANDes")))),
    ("a\\:b:c", Is("a:b", "c")), ("-", Text("-")), ("a-b", Text("a-b")),
])  # fmt: skip
def test_by_example(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize(("text", "column"), [
    ("(a", 3), ("a)", 2), ("f:", 3), ('x "abc', 3), ("a AND", 6), ("f:[1 2]", 6), ("f:[1 TO 2", 10), (":x", 1),
    ("f:>", 4),
])  # fmt: skip
def test_errors_say_where(text, column):
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.column == column


def test_times_and_networks():
    assert micros("2026-11-22") == micros("2026-11-22T00:00:00Z") == micros("2026-11-22T07:00:00+07:00")
    assert micros(1_700_000_000_000) == 1_700_000_000_000_000
    assert micros("hôm qua") is None
    assert micros(True) is None
    assert network("10.1.*") == network("10.1.0.0/16") == ("::ffff:10.1.0.0", "::ffff:10.1.255.255")
    assert network("2001:db8::/127") == ("2001:db8::", "2001:db8::1")
    assert network("10.1") is None
    assert network("10.*.1.*") is None
    assert network("*.*") is None
