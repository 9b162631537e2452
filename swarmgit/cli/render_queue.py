"""The merge queue and the gates as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from swarmgit.app.views.words import counted
from swarmgit.cli.table import table
from swarmgit.documents import quoting

Document = Mapping[str, Any]


def queue_text(document: Document, width: int | None = None) -> str:
    """Return what `queue list` prints."""
    rows = [
        (
            each["id"],
            each["task"],
            each["state"],
            each["tier"],
            each["agent"],
            each["enqueued"],
            f"waits: {each['waits']}" if each["waits"] else (each["landed_commit"] or "-")[:10],
        )
        for each in document["queue"]
    ]
    header = ("ENTRY", "TASK", "STATE", "TIER", "AGENT", "ENQUEUED", "LANDED")
    shown = table(header, rows, width) if rows else "the queue is empty; what has landed: swarmgit queue list --all"
    return "\n".join((*_first_lines(document), shown, *_tiers(document)))


def _tiers(document: Document) -> Iterator[str]:
    """Yield how entries fared by how their conflicts were resolved, once some have ended."""
    for each in document.get("tiers", ()):
        if each["success"] is not None:
            ended = f"{each['landed']} landed, {each['rejected']} rejected ({100 * each['success']:.0f} %)"
            yield f"tier {each['tier']}: {counted(each['entries'], 'entry', 'entries')}, {ended}"


def _first_lines(document: Document) -> Iterator[str]:
    """Yield what holds the queue as a whole."""
    paused, push = document["paused"], document.get("push")
    if paused:
        why = f": {quoting.line(paused['reason'])}" if paused["reason"] else ""
        yield f"landings are paused by {quoting.line(paused['by'])}{why}; go on with: swarmgit queue resume"
    yield from (f"problem: {quoting.line(each['message'])}" for each in document.get("problems", ()))
    if push and push["text"]:
        yield f"push: {quoting.line(push['text'])}"


def entry_text(document: Document) -> str:
    """Return what `queue show` prints: the facts, the evidence, the history."""
    return "\n".join(_entry(document))


def _entry(document: Document) -> Iterator[str]:
    yield f"entry {document['id']} of task {document['task']}: {document['state']} (tier {document['tier']})"
    yield f"work: {document['head']} by {document['agent']}"
    yield f"session {document['session']}, attempt {document['attempt']}"
    if document["candidate"]:
        candidate = document["candidate"]
        yield f"candidate: {candidate['commit']} on {candidate['base']}, code tree {candidate['code_tree']}"
    if document["landed_commit"]:
        yield f"landed as {document['landed_commit']}"
    if document["waits"]:
        yield f"the landing waits: {document['waits']}"
    for result in document["evidence"]:
        how = "reused" if result["reused"] else f"{result['seconds']:.1f} s"
        yield f"  {result['gate']}: {result['outcome']} on {result['tree'][:10]} at {result['at']} ({how})"
    for event in document["events"]:
        yield f"  {event['at']} {event['kind']} {quoting.line(json.dumps(event['data'], ensure_ascii=False))}"


def gates_text(document: Document, width: int | None = None) -> str:
    """Return what `gates` prints, with a warning for each gate that never failed."""
    gates = document["gates"]
    if not gates:
        return "no gates are configured; see .swarm/gates.yaml"
    rows = [
        (
            each["gate"],
            str(each["passed"]),
            str(each["failed"]),
            str(each["errors"]),
            str(each["reused"]),
            "-" if each["seconds_mean"] is None else f"{each['seconds_mean']:.1f}",
            each["last_fail"] or "-",
            "-" if each["flaky"]["rate"] is None else f"{100 * each['flaky']['rate']:.1f} %",
            each["run"] or "(not configured any more)",
        )
        for each in gates
    ]
    header = ("GATE", "PASSED", "FAILED", "ERRORS", "REUSED", "MEAN S", "LAST FAIL", "FLAKY", "RUN")
    warnings = [f"warning: {name}" for each in gates for name in _doubts(each)]
    return "\n".join((table(header, rows, width), *warnings))


def _doubts(gate: Document) -> Iterator[str]:
    flaky, full = gate["flaky"], gate["full"]
    if flaky["flakes"]:
        reason = f" ({quoting.line(flaky['reason'])})" if flaky["reason"] else ""
        times = f"{flaky['flakes']} of {flaky['runs']} runs in two weeks were red for what passed again"
        yield f"gate {gate['gate']} is flaky: {times}, last at {flaky['last']}{reason}"
    if full and full["inputs_miss_something"]:
        yield f"the inputs of gate {gate['gate']} miss something: it is red on the whole of {full['red_commit'][:10]}"
    if gate["never_failed"]:
        yield f"gate {gate['gate']} has never failed; nobody knows whether it can"
    if not gate["ever_passed"] and (gate["failed"] or gate["errors"]):
        yield f"gate {gate['gate']} has never passed"
