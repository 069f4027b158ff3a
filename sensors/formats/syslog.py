"""syslog as it travels and as it is stored: RFC 5424, RFC 3164, and the variants that daemons write into files.

In:  `<PRI>1 TIME HOST APP PID MSGID [SD] MSG`, `<PRI>Mmm dd hh:mm:ss HOST TAG[PID]: MSG`, the same without PRI, with a
     year, with an RFC 3339 time (rsyslog's default since Debian 12), or without HOST (busybox, some firewalls).
Out: log.syslog.*, host.name, process.{name,pid}, message; the message is handed on under the program's name.
The host name is what the sender claims: data, never identity (`log.source.address` says who sent it).
Source: RFC 5424 section 6, RFC 3164 section 4, https://www.rsyslog.com/doc/configuration/templates.html
"""

from __future__ import annotations

import re
from typing import Any

from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.text import whole
from sensors.formats.grammar.times import MONTHS, bsd, iso

FACILITIES = (
    "kernel", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug")

_PRI = re.compile(r"<(\d{1,3})>", re.ASCII)
_5424 = re.compile(
    r"1 (?P<time>\S{1,64}) (?P<host>\S{1,255}) (?P<app>\S{1,255}) (?P<pid>\S{1,128}) (?P<id>\S{1,255}) "
    r"(?P<data>-|(?:\[(?:[^\]\"\\]|\\.|\"(?:[^\"\\]|\\.)*+\")*+\])++)(?: (?P<message>.*))?\Z",
    re.DOTALL,
)
_ELEMENT = re.compile(r"\[([^ =\]\"]{1,64})((?:[^\]\"\\]|\\.|\"(?:[^\"\\]|\\.)*+\")*+)\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^ =\]\"]{1,64})=\"((?:[^\"\\]|\\.)*+)\"", re.DOTALL)
_3164 = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?:(?P<year>\d{4}) )?"
    r"(?P<clock>[0-2]\d:[0-5]\d:[0-6]\d(?:\.\d{1,9})?)(?: (?P<after>\d{4}))? (?P<rest>.*)\Z",
    re.DOTALL | re.ASCII,
)
_ISO = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?) (?P<rest>.*)\Z",
    re.DOTALL | re.ASCII,
)
_TAG = re.compile(r"(?P<app>[^\s\[\]:]{1,128})(?:\[(?P<pid>[^\]\s]{1,64})\])?: ?(?P<message>.*)\Z", re.DOTALL)
_ONLY_TAG = re.compile(r"[^\s\[\]:]{1,128}(?:\[[^\]\s]{1,64}\])?:\Z")  # "cron[7]:", where a host name would stand
_HOST = re.compile(r"(?P<host>\S{1,255}) (?P<rest>.*)\Z", re.DOTALL)


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, str) and (payload[:1] == "<" or payload[:3] in MONTHS or payload[10:11] == "T")


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, str):
        return None
    fields: dict[str, Any] = {}
    rest = payload
    priority = _PRI.match(payload)
    if priority and int(priority[1]) < 192:  # 24 facilities of 8
        number = int(priority[1])
        fields["log.syslog.priority"] = number
        fields["log.syslog.facility.code"], fields["log.syslog.severity.code"] = divmod(number, 8)
        fields["log.syslog.facility.name"] = FACILITIES[number // 8]
        fields["log.syslog.severity.name"] = fields["log.level"] = SEVERITIES[number % 8]
        rest = payload[priority.end() :].lstrip(" ")
    modern = _5424.match(rest) if priority else None
    if modern:
        return _modern(modern, fields, context)
    when, rest, told = _time(rest, context)
    if not priority and not told:
        return None
    return _old(rest, when, fields, needs_tag=told == "iso" and not priority)


def _time(rest: str, context: Context) -> tuple[float | None, str, str]:
    found = _3164.match(rest)
    if found:
        year = found["year"] or found["after"]
        when = bsd(found["month"], found["day"], found["clock"], context.now, context.zone, year)
        if when is not None:
            return when, found["rest"], "bsd"
    found = _ISO.match(rest)
    if found:
        when = iso(found["time"], context.zone)
        if when is not None:
            return when, found["rest"], "iso"
    return None, rest, ""


def _old(rest: str, when: float | None, fields: dict[str, Any], *, needs_tag: bool) -> Parsed | None:
    host = ""
    named = _HOST.match(rest) if when is not None else None
    if named and not _ONLY_TAG.match(named["host"]):
        host, rest = named["host"], named["rest"]
    tag = _TAG.match(rest)
    if tag is None and needs_tag:
        return None
    _claim(fields, host)
    message = tag["message"] if tag else rest
    program = _program(fields, tag["app"], tag["pid"] or "") if tag else ""
    fields["message"] = message
    return Parsed(fields, when, message or None, program)


def _modern(found: re.Match[str], fields: dict[str, Any], context: Context) -> Parsed:
    fields["log.syslog.version"] = "1"
    _claim(fields, "" if found["host"] == "-" else found["host"])
    program = "" if found["app"] == "-" else _program(fields, found["app"], "" if found["pid"] == "-" else found["pid"])
    if found["id"] != "-":
        fields["log.syslog.msgid"] = found["id"]
    if found["data"] != "-":
        data: dict[str, dict[str, str]] = {}
        for element in _ELEMENT.finditer(found["data"]):
            if len(data) >= 32:
                break
            pairs = list(_PARAMETER.findall(element[2]))[:64]
            data[element[1]] = {name: re.sub(r"\\([\"\\\]])", r"\1", value) for name, value in pairs}
        fields["log.syslog.structured_data"] = data
    message = (found["message"] or "").removeprefix("\ufeff")
    fields["message"] = message
    return Parsed(fields, iso(found["time"], context.zone), message or None, program)


def _claim(fields: dict[str, Any], host: str) -> None:
    if host:
        fields["log.syslog.hostname"] = fields["host.hostname"] = fields["host.name"] = host
        fields["related.hosts"] = [host]


def _program(fields: dict[str, Any], app: str, pid: str) -> str:
    """`sshd(pam_unix)` and `/usr/sbin/cron` are programs sshd and cron; `postfix/smtpd` stays as it is."""
    name = app.partition("(")[0] or app
    if name.startswith("/"):
        name = name.rpartition("/")[2] or name
    fields["log.syslog.appname"] = app
    fields["process.name"] = name
    if pid:
        fields["log.syslog.procid"] = pid
        number = whole(pid)
        if number is not None:
            fields["process.pid"] = number
    return name


FORMAT = Format(
    dataset="syslog",
    kind="envelope",
    match=match,
    parse=parse,
    aliases=frozenset({"system.syslog"}),
    rank=10,
    fields=(
        Field("log.syslog.version"),
        Field("log.syslog.procid"),
        Field("log.syslog.msgid"),
        Field("log.syslog.structured_data", "object"),
        Field("host.hostname"),
    ),
    examples=(
        Example(
            "<34>1 2026-10-11T22:14:15.003Z may-chu-1 su 77 ID47 - 'su root' failed for lan on /dev/pts/8",
            {
                "@timestamp": "2026-10-11T22:14:15.003000Z",
                "event.dataset": "syslog",
                "host.name": "may-chu-1",
                "process.name": "su",
                "process.pid": 77,
                "log.syslog.facility.name": "auth",
                "log.syslog.severity.name": "critical",
                "log.syslog.msgid": "ID47",
                "message": "'su root' failed for lan on /dev/pts/8",
            },
        ),
        Example(
            '<165>1 2026-10-11T22:14:15+07:00 - evntslog - - [ex@32473 iut="3" say="a \\"b\\" \\]"] \ufeffxin chào',
            {
                "@timestamp": "2026-10-11T15:14:15Z",
                "host.name": None,
                "log.syslog.structured_data": {"ex@32473": {"iut": "3", "say": 'a "b" ]'}},
                "message": "xin chào",
            },
        ),
        Example(
            "<13>Feb  5 17:32:18 10.0.0.99 kho-du-lieu[812]: sẵn sàng",
            {"host.name": "10.0.0.99", "process.name": "kho-du-lieu", "process.pid": 812, "message": "sẵn sàng"},
        ),
        Example(
            "2026-08-14T14:30:02.203151+02:00 linux-sqrz systemd[4179]: Stopped target Paths.",
            {"@timestamp": "2026-08-14T12:30:02.203151Z", "host.name": "linux-sqrz", "process.name": "systemd",
             "log.syslog.priority": None},
        ),
        Example("<30>Feb  5 17:32:18 dnsmasq[211]: started", {"host.name": None, "process.name": "dnsmasq"}),
        Example(
            "Feb  5 17:32:18 fe80::1 kernel: [12.5] eth0: up", {"host.name": "fe80::1", "process.name": "kernel"},
        ),
    ),
)  # fmt: skip
