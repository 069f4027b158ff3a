"""The field table: which type a field has. Stores make their mappings from it; parsers add what is theirs.

In: `Field(name, type)` declared here (the ECS core that every store indexes explicitly) or by a dissector, format or
probe for its own dataset. Out: one table. Two declarations of a name must agree; a test walks all of them.
Types are ECS's: keyword, text (full text, folded), ip, date, long, double, boolean, object (stored, not indexed).
Source: https://www.elastic.co/docs/reference/ecs/ecs-field-reference (ECS 9).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FieldType = Literal["keyword", "text", "ip", "date", "long", "double", "boolean", "object"]


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: FieldType = "keyword"
    vi: str = ""
    en: str = ""


def _table(kind: FieldType, names: str) -> list[Field]:
    return [Field(name, kind) for name in names.split()]


CORE: tuple[Field, ...] = (
    *_table("date", "@timestamp event.created event.ingested event.start event.end"),
    *_table("text", "message event.original event.reason rule.name rule.description"),
    *_table(
        "keyword",
        "event.id event.kind event.category event.type event.action event.outcome event.dataset event.module "
        "event.provider event.code "
        "organization.id organization.name observer.id observer.name observer.type observer.hostname "
        "agent.id agent.name agent.type agent.version agent.ephemeral_id "
        "host.name host.hostname host.id host.os.type user.name user.id user.domain user.target.name "
        "process.name process.executable process.command_line process.parent.name process.parent.executable "
        "process.parent.command_line file.path file.name file.hash.sha256 registry.path "
        "source.address source.domain source.mac source.user.name destination.address destination.domain "
        "destination.mac client.address server.address related.hosts related.user related.hash "
        "network.transport network.protocol network.type network.community_id network.direction network.application "
        "dns.question.name dns.question.type dns.question.registered_domain dns.response_code dns.type "
        "dns.answers.data "
        "http.request.method http.request.referrer http.version url.original url.full url.path url.query url.domain "
        "url.scheme user_agent.original tls.client.server_name tls.client.ja3 tls.client.ja4 tls.version tls.cipher "
        "tls.server.subject tls.server.issuer x509.subject.common_name x509.issuer.common_name "
        "log.file.path log.level log.syslog.hostname log.syslog.appname log.syslog.facility.name "
        "log.syslog.severity.name service.name service.type service.id service.state "
        "rule.id rule.uuid rule.ruleset rule.version rule.category threat.technique.id threat.tactic.id "
        "threat.indicator.type error.message error.code tags ecs.version "
        "winlog.channel winlog.provider_name winlog.event_id winlog.computer_name",
    ),
    *_table("ip", "source.ip destination.ip client.ip server.ip host.ip observer.ip related.ip source.nat.ip"),
    *_table(
        "long",
        "event.sequence event.duration event.severity source.port destination.port source.bytes destination.bytes "
        "source.packets destination.packets network.bytes network.packets network.vlan.id process.pid "
        "process.parent.pid http.response.status_code http.request.bytes http.response.bytes http.response.body.bytes "
        "http.request.body.bytes dns.id log.offset log.syslog.priority log.syslog.facility.code "
        "log.syslog.severity.code winlog.record_id",
    ),
    *_table("double", "event.risk_score"),
    # Ours. `luytre.spool.*` is how our sensors number what they send; ingest keeps the highest stored.
    *_table("keyword", "luytre.hit.type luytre.hit.level luytre.hit.group_key luytre.hit.event_ids luytre.flow.state "
            "luytre.flow.history luytre.claimed.agency luytre.claimed.observer luytre.probe.kind luytre.probe.system "
            "luytre.gap.source luytre.gap.reason"),
    *_table("long", "luytre.spool.epoch luytre.flow.source_payload_bytes luytre.flow.destination_payload_bytes "
            "luytre.hit.count luytre.gap.count luytre.heartbeat.received luytre.heartbeat.spooled "
            "luytre.heartbeat.dropped"),
    *_table("boolean", "luytre.unparsed luytre.truncated luytre.malformed"),
)  # fmt: skip


def table(*declared: Iterable[Field]) -> dict[str, Field]:
    """Name → field over the core and all `declared`; raises ValueError when two disagree on a type."""
    found: dict[str, Field] = {field.name: field for field in CORE}
    for fields in declared:
        for field in fields:
            known = found.setdefault(field.name, field)
            if known.type != field.type:
                raise ValueError(f"{field.name}: declared as {known.type} and as {field.type}")
    return found
