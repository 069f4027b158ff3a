"""Suricata's eve.json: alerts, and its own dns, http, tls, flow and file records, under ECS names.

In:  one object with `event_type` and `timestamp`. Out: dataset `suricata.eve`; what ECS names stands under that
     name, the rest under `suricata.eve.*` as Filebeat lays it out. A Suricata alert is an event
     (`luytre.suricata.alert`), not one of our hits: rules decide what becomes of it.
Source: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from sensors.clock import rfc3339
from sensors.fields import Field
from sensors.formats.format import Context, Example, Format, Parsed, Payload
from sensors.formats.grammar.clf import url
from sensors.formats.grammar.text import peer, whole
from sensors.formats.grammar.times import iso

_CATEGORY = {"alert": ["network", "intrusion_detection"], "fileinfo": ["network", "file"], "anomaly": ["network"],
             "dns": ["network"], "http": ["network", "web"], "tls": ["network"], "flow": ["network"],
             "ssh": ["network"], "smtp": ["network", "email"]}  # fmt: skip
# Suricata counts 1 as the worst; ECS event.severity of ours grows with danger, as rule levels do.
_SEVERITY = {1: 73, 2: 47, 3: 21, 4: 1}


def match(payload: Payload, context: Context) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("event_type"), str) and "timestamp" in payload


def parse(payload: Payload, context: Context) -> Parsed | None:
    if not isinstance(payload, dict) or not isinstance(payload.get("timestamp"), str):
        return None
    when = iso(payload["timestamp"], context.zone)
    if when is None:
        return None
    kind = _text(payload.get("event_type")) or "unknown"
    out: dict[str, Any] = {"event.module": "suricata", "event.kind": "event", "suricata.eve.event_type": kind}
    out["event.category"] = _CATEGORY.get(kind, ["network"])
    _common(payload, out)
    for name, fill in _PARTS.items():
        part = payload.get(name)
        if isinstance(part, dict):
            fill(part, out)
            rest = {key: value for key, value in part.items() if key not in _TAKEN.get(name, ())}
            if rest:
                out[f"suricata.eve.{name}"] = rest
    return Parsed(out, when)


def _common(eve: Mapping[str, Any], out: dict[str, Any]) -> None:
    peer(out, _text(eve.get("src_ip")), eve.get("src_port"))
    peer(out, _text(eve.get("dest_ip")), eve.get("dest_port"), side="destination")
    ips = sorted({out[name] for name in ("source.ip", "destination.ip") if name in out})
    if ips:
        out["related.ip"] = ips
    transport = _text(eve.get("proto"))
    if transport:
        out["network.transport"] = transport.lower()
    protocol = _text(eve.get("app_proto"))
    if protocol and protocol != "failed":
        out["network.protocol"] = protocol.lower()
    out["network.community_id"] = _text(eve.get("community_id"))
    vlan = eve.get("vlan")
    if isinstance(vlan, list) and vlan and whole(vlan[0]) is not None:
        out["network.vlan.id"] = vlan[0]
    flow = eve.get("flow_id")
    if isinstance(flow, int):
        out["suricata.eve.flow_id"] = str(flow)  # 63 bits: a JavaScript reader would round it
    for name in ("in_iface", "tx_id", "app_proto_orig", "host", "pcap_cnt", "icmp_type", "icmp_code"):
        value = eve.get(name)
        if isinstance(value, str | int):
            out[f"suricata.eve.{name}"] = value


def _alert(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out["luytre.suricata.alert"] = True
    out["rule.name"] = out["message"] = _text(part.get("signature"))
    identity = part.get("signature_id")
    if identity is not None:
        out["rule.id"] = str(identity)[:64]
    out["rule.category"] = _text(part.get("category"))
    severity = whole(part.get("severity"))
    if severity is not None:
        out["event.severity"] = _SEVERITY.get(severity, 1)
        out["suricata.eve.alert_severity"] = severity
    action = _text(part.get("action"))
    if action:
        out["event.type"] = ["denied" if action == "blocked" else "allowed"]
        out["event.action"] = action
    metadata = part.get("metadata")
    if isinstance(metadata, dict):
        out["threat.technique.id"] = _texts(metadata.get("mitre_technique_id"))
        out["threat.tactic.id"] = _texts(metadata.get("mitre_tactic_id"))


def _dns(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out.setdefault("network.protocol", "dns")
    query = part
    queries = part.get("queries")  # version 3
    if isinstance(queries, list) and queries and isinstance(queries[0], dict):
        query = queries[0]
    out["dns.question.name"] = _text(query.get("rrname"))
    out["dns.question.type"] = _text(query.get("rrtype"))
    out["dns.id"] = whole(part.get("id"))
    out["dns.response_code"] = _text(part.get("rcode"))
    kind = part.get("type")
    out["dns.type"] = {"query": "query", "request": "query", "answer": "answer", "response": "answer"}.get(str(kind))
    answers = part.get("answers")
    if isinstance(answers, list):
        rows = [row for row in answers[:64] if isinstance(row, dict)]
        out["dns.answers"] = [
            {name: row[key] for name, key in (("name", "rrname"), ("type", "rrtype"), ("data", "rdata"), ("ttl", "ttl"))
             if isinstance(row.get(key), str | int)} for row in rows
        ]  # fmt: skip


def _http(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out.setdefault("network.protocol", "http")
    out["http.request.method"] = _text(part.get("http_method"))
    out["http.version"] = (_text(part.get("protocol")) or "").removeprefix("HTTP/") or None
    out["http.response.status_code"] = whole(part.get("status"))
    out["http.response.body.bytes"] = whole(part.get("length"))
    out["http.request.referrer"] = _text(part.get("http_refer"))
    out["user_agent.original"] = _text(part.get("http_user_agent"))
    target = _text(part.get("url"))
    if target:
        url(out, target)
    host = _text(part.get("hostname"))
    if host:
        out["url.domain"] = out["destination.domain"] = host
    status = out["http.response.status_code"]
    if status is not None:
        out["event.outcome"] = "success" if status < 400 else "failure"


def _tls(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out.setdefault("network.protocol", "tls")
    out["tls.client.server_name"] = out["destination.domain"] = _text(part.get("sni"))
    out["tls.server.subject"] = _text(part.get("subject"))
    out["tls.server.issuer"] = _text(part.get("issuerdn"))
    out["tls.server.hash.sha1"] = (_text(part.get("fingerprint")) or "").replace(":", "").upper() or None
    out["tls.version"] = (_text(part.get("version")) or "").removeprefix("TLS").strip().removeprefix("v") or None
    ja3 = part.get("ja3")
    out["tls.client.ja3"] = _text(ja3.get("hash")) if isinstance(ja3, dict) else None
    out["tls.client.ja4"] = _text(part.get("ja4"))


def _flow(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    for side, name in (("source", "toserver"), ("destination", "toclient")):
        out[f"{side}.packets"] = whole(part.get(f"pkts_{name}"))
        out[f"{side}.bytes"] = whole(part.get(f"bytes_{name}"))
    if out["source.bytes"] is not None and out["destination.bytes"] is not None:
        out["network.bytes"] = out["source.bytes"] + out["destination.bytes"]
    start, end = (iso(text, UTC) if (text := _text(part.get(key))) else None for key in ("start", "end"))
    out["event.start"] = None if start is None else rfc3339(start)
    out["event.end"] = None if end is None else rfc3339(end)
    if start is not None and end is not None and end >= start:
        out["event.duration"] = int((end - start) * 1e9)


def _file(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out["file.name"] = _text(part.get("filename"))
    out["file.size"] = whole(part.get("size"))
    hashes = []
    for name in ("md5", "sha1", "sha256"):
        value = _text(part.get(name))
        out[f"file.hash.{name}"] = value
        hashes += [value] if value else []
    out["related.hash"] = hashes or None


def _ssh(part: Mapping[str, Any], out: dict[str, Any]) -> None:
    out.setdefault("network.protocol", "ssh")
    for side in ("client", "server"):
        banner = part.get(side)
        if isinstance(banner, dict):
            out[f"luytre.ssh.{side}"] = _text(banner.get("software_version"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: Any) -> list[str] | None:
    return [text for text in value[:16] if isinstance(text, str)] if isinstance(value, list) else None


_PARTS = {"flow": _flow, "dns": _dns, "http": _http, "tls": _tls, "fileinfo": _file, "ssh": _ssh, "alert": _alert}
_TAKEN = {
    "alert": ("signature", "signature_id", "category", "severity", "action"),
    "dns": ("rrname", "rrtype", "id", "rcode", "answers", "queries"),
    "http": ("http_method", "protocol", "status", "length", "http_refer", "http_user_agent", "url", "hostname"),
    "tls": ("sni", "subject", "issuerdn", "fingerprint", "version", "ja4"),
    "flow": ("pkts_toserver", "pkts_toclient", "bytes_toserver", "bytes_toclient", "start", "end", "dest_ip",
             "src_ip", "dest_port", "src_port"),
    "fileinfo": ("filename", "size", "md5", "sha1", "sha256"),
}  # fmt: skip

FORMAT = Format(
    dataset="suricata.eve",
    kind="body",
    match=match,
    parse=parse,
    programs=frozenset({"suricata"}),
    rank=30,
    fields=(
        Field("luytre.suricata.alert", "boolean"),
        Field("tls.server.hash.sha1"),
        Field("file.hash.md5"),
        Field("file.hash.sha1"),
        Field("file.size", "long"),
        Field("suricata.eve.event_type"),
        Field("suricata.eve.flow_id"),
    ),
    examples=(
        Example(
            '{"timestamp":"2026-03-01T10:00:00.123456+0700","flow_id":1805461738637437,"in_iface":"eth0",'
            '"event_type":"alert","src_ip":"198.51.100.9","src_port":4444,"dest_ip":"10.0.0.5","dest_port":80,'
            '"proto":"TCP","alert":{"action":"allowed","gid":1,"signature_id":2019401,"rev":3,"signature":"ET TEST x",'
            '"category":"Misc activity","severity":1},"http":{"hostname":"a.vn","url":"/x?y=1","http_method":"GET",'
            '"protocol":"HTTP/1.1","status":200,"length":7},"app_proto":"http"}',
            {"@timestamp": "2026-03-01T03:00:00.123456Z", "event.kind": "event", "luytre.suricata.alert": True,
             "rule.name": "ET TEST x", "rule.id": "2019401", "event.severity": 73, "source.ip": "198.51.100.9",
             "destination.port": 80, "network.transport": "tcp", "network.protocol": "http", "url.path": "/x",
             "url.domain": "a.vn", "suricata.eve.flow_id": "1805461738637437", "suricata.eve.alert.rev": 3,
             "json.event_type": None},
        ),
        Example(
            '{"timestamp":"2026-03-01T10:00:00.000000+0000","event_type":"dns","src_ip":"10.0.0.5","src_port":53111,'
            '"dest_ip":"10.0.0.1","dest_port":53,"proto":"UDP","dns":{"version":2,"type":"answer","id":7,'
            '"rrname":"a.vn","rrtype":"A","rcode":"NOERROR","answers":[{"rrname":"a.vn","rrtype":"A","ttl":60,'
            '"rdata":"192.0.2.1"}]}}',
            {"dns.question.name": "a.vn", "dns.response_code": "NOERROR", "dns.type": "answer",
             "dns.answers": [{"name": "a.vn", "type": "A", "data": "192.0.2.1", "ttl": 60}]},
        ),
    ),
)  # fmt: skip
