"""Rules → queries of Elasticsearch, through sigma-cli as a child, with our mapping of events as its pipelines.

In:  the chosen rules and the pipeline files. Out: a `Query` per rule and source: text, or why there is none; `lossy`
names the fields of which a query says less than the rule (made of several places, or with translated values: looked for
in their first place, as they stand).
How: a source's `when` becomes conditions (as the pipeline file spells them: Kibana keeps case apart), the names that
the rules use become the source's fields, each where it is looked for first. All rules of one source go in one run; what
is missing afterwards is run alone for its reason.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from api.node.rulework import sigma_cli
from correlator.backtest import Chosen
from correlator.engine import Correlation, Rule
from correlator.engine import sources as routing
from correlator.engine.conditions import fields_of
from correlator.engine.documents import documents
from correlator.engine.rule import LogSource
from sensors.errors import LuytreError

Mapped = Rule | Correlation
ENDING = "-{index}.txt"
INDEX = "logs-*"  # correlator/store/elastic_schema.py names data streams so


@dataclass(frozen=True, slots=True)
class Query:
    rule_id: str
    source: str
    text: str = ""
    failed: str = ""
    lossy: tuple[str, ...] = ()


def convert(chosen: Chosen, pipelines: Sequence[Path], target: str, form: str) -> list[Query]:
    spelled = {(str(one.get("name") or ""), str(LogSource(**one["logsource"]))): one["when"]
               for file in routing.read(pipelines) for one in file.value.get("sources") or ()}  # fmt: skip
    found: list[Query] = []
    for source, rules in _groups(chosen):
        found += _of_source(chosen, source, rules, spelled.get((source.name, str(source.logsource))), target, form)
    order = {rule_id: number for number, rule_id in enumerate(sorted(chosen.ids))}
    return sorted(found, key=lambda one: order[one.rule_id])


def _groups(chosen: Chosen) -> Iterator[tuple[routing.Source, list[Mapped]]]:
    """Each source with the rules that cover it; a correlation stands under the first source that all its rules have."""
    base = {one.id: one for one in chosen.engine.rules}
    made = {one.id: one for one in chosen.engine.correlations}
    sources: dict[str, routing.Source] = {}
    groups: dict[str, list[Mapped]] = {}
    for rule_id in sorted(chosen.ids):
        one: Mapped = base[rule_id] if rule_id in base else made[rule_id]
        parts = [[(repr((s.name, s.logsource)), s) for s in _covered(base[name].logsource, chosen)]
                 for name in _below(rule_id, made) if name in base]  # fmt: skip
        keys = set.intersection(*({key for key, _ in part} for part in parts)) if parts else set()
        shared = [pair for pair in parts[0] if pair[0] in keys] if parts else []
        for key, source in (
            shared if isinstance(one, Rule) else (shared or [pair for part in parts for pair in part])[:1]
        ):
            sources[key] = source
            groups.setdefault(key, []).append(one)
    for key, rules in groups.items():
        yield sources[key], rules


def _covered(wanted: LogSource, chosen: Chosen) -> list[routing.Source]:
    found = [source for source in chosen.sources if wanted.covers(source.logsource)]
    if wanted.product == "luytre" and wanted.category is None and wanted.service:
        found.append(routing.Source(wanted.service, (("event.dataset", frozenset((wanted.service,))),), wanted))
    return found or [routing.Source("", (), wanted)]


def _below(rule_id: str, made: Mapping[str, Correlation]) -> Iterator[str]:
    if rule_id not in made:
        yield rule_id
        return
    for name in made[rule_id].rules:
        yield from _below(name, made)


def _of_source(chosen: Chosen, source: routing.Source, rules: Sequence[Mapped], when: Mapping[str, Any] | None,
               target: str, form: str) -> Iterator[Query]:  # fmt: skip
    base = {one.id: one for one in chosen.engine.rules}
    made = {one.id: one for one in chosen.engine.correlations}
    used = {one.id: sorted({name for below in _below(one.id, made) if below in base
                            for name in fields_of(base[below].condition)}) for one in rules}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="luytre-rules-") as stage:
        pipeline = Path(stage) / "pipeline.yaml"
        names = {name for fields in used.values() for name in fields}
        pipeline.write_text(
            yaml.safe_dump(_pipeline(source, names, when), allow_unicode=True, sort_keys=False), "utf-8"
        )
        words = ["convert", "-t", target, "-f", form, "-p", str(pipeline), "--disable-pipeline-check"]
        copies: dict[str, Path] = {}
        for number, one in enumerate(rules):
            copies[one.id] = Path(stage) / "in" / f"r{number:05}.yml"
            copies[one.id].parent.mkdir(exist_ok=True)
            needed = [base[name] for name in _below(one.id, made) if name in base]
            also = [made[name] for name in _chain(one.id, made)]
            copies[one.id].write_text(_texts([*needed, *also]), "utf-8")
        out = Path(stage) / "out"
        if len(rules) > 1:
            sigma_cli.run([*words, "-s", "-od", str(out), "-ot", "{stem}" + ENDING, str(Path(stage) / "in")], {})
        for one in rules:
            lossy = tuple(name for name in used[one.id] if name in source.values or name in source.combined)
            parts = sorted(out.glob(copies[one.id].stem + ENDING.replace("{index}", "*"))) if out.is_dir() else []
            if parts:
                text = "\n".join(part.read_text("utf-8").strip() for part in parts)
                yield Query(one.id, source.name, text, lossy=lossy)
                continue
            yield _alone(one, source, [*words, str(copies[one.id])], lossy)


def _alone(one: Mapped, source: routing.Source, words: Sequence[str], lossy: tuple[str, ...]) -> Query:
    try:
        said = sigma_cli.run(words, {})
    except LuytreError as error:
        return Query(one.id, source.name, failed=error.problems[0].en)
    if said.code or not said.out.strip():
        lines = [line for line in (said.err or said.out).strip().splitlines() if line.strip()]
        return Query(one.id, source.name, failed=(lines[-1] if lines else f"sigma-cli ended with {said.code}")[:300])
    return Query(one.id, source.name, said.out.strip(), lossy=lossy)


def _chain(rule_id: str, made: Mapping[str, Correlation]) -> list[str]:
    """The correlation and those under it, the lowest first."""
    if rule_id not in made:
        return []
    return [*(name for below in made[rule_id].rules for name in _chain(below, made)), rule_id]


def _pipeline(source: routing.Source, names: set[str], when: Mapping[str, Any] | None) -> dict[str, Any]:
    conditions = dict(when) if when is not None else {path: sorted(wanted) for path, wanted in source.when}
    conditions = {path: wanted for path, wanted in conditions.items() if "*" not in str(wanted)}
    mapping = {name: place for name in sorted(names) if (place := _place(name, source)) != name}
    steps: list[dict[str, Any]] = [{"id": "index", "type": "set_state", "key": "index", "val": INDEX}]
    if mapping:
        steps.append({"id": "fields", "type": "field_name_mapping", "mapping": mapping})
    if conditions:
        steps.append({"id": "when", "type": "add_condition", "conditions": conditions})
    return {"name": f"luytre {source.name}", "priority": 10, "transformations": steps}


def _place(name: str, source: routing.Source) -> str:
    """Where sources.py looks first."""
    if name in source.combined:
        return source.combined[name].paths[0]
    if source.fields.get(name):
        return source.fields[name][0]
    return source.prefixes[0] + name if source.prefixes else name


def _texts(rules: Sequence[Mapped]) -> str:
    """The documents of these rules, as they stand in their files."""
    found = []
    for one in rules:
        with Path(one.about.path).open("rb") as file:
            values = [document.value for document in documents(file.read())]
        found += [value for value in values if isinstance(value, dict) and str(value.get("id") or "") == one.id]
    return yaml.safe_dump_all(found, allow_unicode=True, sort_keys=False)
