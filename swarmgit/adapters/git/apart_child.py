"""The other end of `apart`: reads what is asked, answers file by file. It has limits, and nothing to lose."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from swarmgit.adapters.git.apart import HEAD_BYTES, Asked, Learn, Mark, Resolve, Said, Settings
from swarmgit.adapters.git.memory import Memory
from swarmgit.adapters.git.mergeprograms import mergiraf
from swarmgit.resolve import Answer, Rules, SurvivalCheck, resolve
from swarmgit.resolve.marked import marked
from swarmgit.resolve.memory import learn


def main() -> None:
    """Answer what stands on the standard input. A file that raises anything has no answer."""
    asked = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Asked)
    rules = _rules(asked.settings)
    for number, file in enumerate(asked.files):
        try:
            content = msgspec.msgpack.encode(_said(number, file, rules))
        except Exception:  # noqa: BLE001  agents' content: too deep, too large, or nobody foresaw it
            content = msgspec.msgpack.encode(Said(number))
        sys.stdout.buffer.write(len(content).to_bytes(HEAD_BYTES, "big") + content)
        sys.stdout.buffer.flush()


def _rules(settings: Settings) -> Rules:
    recall = Memory(Path(os.fsdecode(settings.memory))).recall if settings.memory else None
    program = os.fsdecode(settings.merger or b"")
    mergers = (("mergiraf", lambda *sides: mergiraf(program, *sides)),) if program else ()
    return Rules(settings.union, settings.generated, mergers, recall)


def _said(number: int, file: Resolve | Mark | Learn, rules: Rules) -> Said:
    match file:
        case Resolve(path, base, ours, theirs):
            return Said(number, answer=_plain(resolve(os.fsdecode(path), base, ours, theirs, rules)))
        case Mark(base, ours, theirs, labels):
            return Said(number, marked=marked(base, ours, theirs, labels))
        case Learn(base, ours, theirs, result):
            return Said(number, learned=learn(base, ours, theirs, result))


def _plain(answer: Answer) -> Answer:
    """Return an answer whose words are all UTF-8: they may come from files that are not."""
    lost, revived = (
        tuple(word.encode("utf-8", "replace").decode() for word in words)
        for words in (answer.check.lost, answer.check.revived)
    )
    return replace(answer, check=SurvivalCheck(lost, revived))


if __name__ == "__main__":
    main()
