"""Documents of one commit → the intent in force. Pure but for the two functions it is given to read with.

A document that is broken, by itself or in what it says about others, keeps its last good version in force; the
history gives earlier versions, newest first. What has none is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from swarmgit.desired import crosscheck
from swarmgit.desired.crosscheck import Context, Fault
from swarmgit.documents import intent, paths, places, rules
from swarmgit.documents.intent import Parsed
from swarmgit.model.adapters import ADAPTERS
from swarmgit.model.desired import Convoy, Desired, Gate, Problem, Swarm, Task
from swarmgit.model.experiments import Experiment
from swarmgit.model.ids import BlobId, ConvoyId, ExperimentId, TaskId
from swarmgit.model.policy import Policy

VERSIONS_MAX = 50
"""How many different earlier versions of one document are tried."""


class Version(Protocol):
    """An earlier state of `.swarm/`."""

    def blob(self, path: str) -> BlobId | None:
        """Return the blob at a path, None where there was no file."""


class Sources(Struct):
    """Where documents come from. `blobs`: every file below `.swarm/` by its path from the repository's root.

    `history`: earlier states of `.swarm/`, newest first, each different from the one before. `parsed` is kept
    between calls, so that a document is parsed once per blob; it holds what the last call needed.
    """

    blobs: Mapping[str, BlobId]
    read: Callable[[BlobId], bytes]
    history: Callable[[], Iterable[Version]] = tuple
    adapters: AbstractSet[str] = ADAPTERS.keys()
    builtin_roles: Mapping[str, str] = field(default_factory=dict)
    parsed: dict[tuple[str, BlobId], Parsed[Any]] = field(default_factory=dict)

    def parse(self, path: str, blob: BlobId) -> Parsed[Any]:
        kind = kind_of(path)
        assert kind is not None
        known = self.parsed.get((path, blob))
        if known is None:
            value, problems, _ = _PARSERS[kind](path, blob, self.read(blob))
            # the nodes are dropped: places are looked up again in the rare file that needs them
            known = self.parsed[path, blob] = Parsed(value, problems)
        return known

    def problem(self, fault: Fault) -> Problem:
        """Return a fault with the place of its value."""
        blob = self.blobs.get(fault.file)
        node = places.read(fault.file, self.read(blob))[0] if blob else None
        return Problem(fault.file, *(node.at(fault.steps) if node else (0, 0)), fault.message)


_PARSERS: Mapping[str, Callable[[str, BlobId, bytes], Parsed[Any]]] = {
    "swarm": intent.swarm,
    "gates": intent.gates,
    "policy": intent.policy,
    "task": intent.task,
    "convoy": intent.convoy,
    "role": intent.role,
    "experiment": intent.experiment,
}
_SINGLE = {paths.SWARM_YAML: "swarm", paths.GATES_YAML: "gates", paths.POLICY_YAML: "policy"}
_FOLDERS = {
    f"{paths.TASKS}/": ("task", ".yaml"),
    f"{paths.CONVOYS}/": ("convoy", ".yaml"),
    f"{paths.ROLES}/": ("role", ".md"),
    f"{paths.EXPERIMENTS}/": ("experiment", ".yaml"),
}


def kind_of(path: str) -> str | None:
    """Return what kind of document a path holds, None for a file that is not swarmgit's to read."""
    if path in _SINGLE:
        return _SINGLE[path]
    for folder, (kind, suffix) in _FOLDERS.items():
        if path.startswith(folder) and path.endswith(suffix):
            return kind
    return None


def assemble(sources: Sources) -> Desired:
    """Return the intent in force, with every problem; its `commit` is left for the caller to fill in."""
    return _Assembly(sources).desired()


class _Assembly:
    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.problems: list[Problem] = []
        self.values: dict[str, Any] = {}
        self.broken: set[str] = set()
        self.task_ids: set[TaskId] = set()
        self.convoy_ids: set[ConvoyId] = set()
        self.clashes: dict[TaskId, list[str]] = {}

    def desired(self) -> Desired:
        self.read_all()
        self.restore_documents()
        swarm = self.swarm()
        convoys = self.convoys()
        roles = {**self.sources.builtin_roles, **self.by_stem("role")}
        context = Context(swarm, roles.keys(), self.task_ids, convoys, self.convoy_ids, self.sources.adapters)
        tasks = {task.id: task for task in self.of_kind("task") if task.id not in self.clashes}
        self.restore_clashes(tasks)
        self.judge_tasks(tasks, context)
        policy = self.values.get(paths.POLICY_YAML, Policy())
        self.problems += map(self.sources.problem, crosscheck.policy_faults(policy, context, tasks.values()))
        experiments = self.experiments(context)
        self.forget_the_unused()
        return Desired(
            commit=None,
            swarm=swarm,
            gates=_with_setup_key(self.values.get(paths.GATES_YAML, ()), swarm),
            policy=policy,
            tasks={task: tasks[task] for task in sorted(tasks)},
            convoys=convoys,
            roles=dict(sorted(roles.items())),
            experiments=experiments,
            problems=tuple(sorted(set(self.problems), key=_place_first)),
            held=frozenset(self.task_ids - tasks.keys()),
        )

    def of_kind(self, kind: str) -> Iterator[Any]:
        return (self.values[path] for path in sorted(self.values) if kind_of(path) == kind)

    def by_stem(self, kind: str) -> dict[str, Any]:
        return {intent.stem(path): self.values[path] for path in sorted(self.values) if kind_of(path) == kind}

    def read_all(self) -> None:
        """Parse every document; note what is broken, and ids that more than one file claims."""
        files_of: dict[tuple[str, str], list[str]] = {}
        for path, blob in sorted(self.sources.blobs.items()):
            kind = kind_of(path)
            if kind is None:
                self.problems += _misnamed(path)
                continue
            parsed = self.sources.parse(path, blob)
            self.problems += parsed.problems
            if parsed.problems:
                self.broken.add(path)
            else:
                self.values[path] = parsed.value
            files_of.setdefault((kind, intent.stem(path)), []).append(path)
        for (kind, stem), files in files_of.items():
            if kind == "task" and rules.is_name(stem):
                self.task_ids.add(TaskId(stem))
            elif kind == "convoy" and rules.is_name(stem):
                self.convoy_ids.add(ConvoyId(stem))
            if len(files) > 1:
                self.clash(kind, stem, files)

    def clash(self, kind: str, stem: str, files: list[str]) -> None:
        for path in files:
            others = " and ".join(other for other in files if other != path)
            self.problems.append(Problem(path, 0, 0, f"the {kind} id '{stem}' is not unique: {others} has it too"))
        if kind == "task":
            self.clashes[TaskId(stem)] = files

    def restore_documents(self) -> None:
        """Give each broken document its last good version."""
        swarm = self.values.get(paths.SWARM_YAML)
        faults = crosscheck.swarm_faults(swarm, self.sources.adapters) if swarm else []
        self.problems += map(self.sources.problem, faults)
        wanted = self.broken | ({paths.SWARM_YAML} if faults else set())

        def accept(path: str, value: Any) -> bool:  # noqa: ANN401 - the value of any document
            if isinstance(value, Swarm) and crosscheck.swarm_faults(value, self.sources.adapters):
                return False
            self.values[path] = value
            return True

        self.try_earlier(wanted, accept)

    def try_earlier(self, wanted: Iterable[str], accept: Callable[[str, Any], bool]) -> None:
        """Offer earlier versions of each wanted path, newest first, until one is accepted or there are no more."""
        tried: dict[str, set[BlobId]] = {path: {self.sources.blobs[path]} for path in wanted}
        for version in self.sources.history() if tried else ():
            for path in tuple(tried):
                blob = version.blob(path)
                if blob is None or len(tried[path]) > VERSIONS_MAX:
                    del tried[path]
                elif blob not in tried[path]:
                    tried[path].add(blob)
                    parsed = self.sources.parse(path, blob)
                    if not parsed.problems and accept(path, parsed.value):
                        del tried[path]
            if not tried:
                return

    def swarm(self) -> Swarm | None:
        """Return the swarm in force; None too where gates or policy cannot be read: nothing may pass without them."""
        for path in (paths.GATES_YAML, paths.POLICY_YAML):
            if path in self.sources.blobs and path not in self.values:
                return None
        if paths.SWARM_YAML not in self.sources.blobs:
            message = f"there is no {paths.SWARM_YAML}; make one with: swarmgit init"
            self.problems.append(Problem(paths.SWARM_YAML, 0, 0, message))
        swarm: Swarm | None = self.values.get(paths.SWARM_YAML)
        return swarm

    def convoys(self) -> dict[ConvoyId, Convoy]:
        """Return the convoys, each without members that do not exist."""
        found: dict[ConvoyId, Convoy] = {}
        for convoy in self.of_kind("convoy"):
            self.problems += map(self.sources.problem, crosscheck.convoy_faults(convoy, self.task_ids))
            known = tuple(task for task in convoy.tasks if task in self.task_ids)
            found[convoy.id] = replace(convoy, tasks=known)
        return found

    def experiments(self, context: Context) -> dict[ExperimentId, Experiment]:
        """Return the experiments that can be carried out: one whose arms name what is not there gives out no task."""
        found: dict[ExperimentId, Experiment] = {}
        for experiment in self.of_kind("experiment"):
            faults = crosscheck.experiment_faults(experiment, context)
            self.problems += map(self.sources.problem, faults)
            if not faults:
                found[experiment.id] = experiment
        return found

    def restore_clashes(self, tasks: dict[TaskId, Task]) -> None:
        """Where two files claim one id, the file that had it alone before keeps it."""
        open_clashes = dict(self.clashes)
        for version in self.sources.history() if open_clashes else ():
            for task, files in tuple(open_clashes.items()):
                there = [(path, blob) for path in files if (blob := version.blob(path))]
                if len(there) > 1:
                    continue
                del open_clashes[task]
                for path, blob in there:
                    parsed = self.sources.parse(path, blob)
                    if isinstance(parsed.value, Task):
                        tasks[task] = parsed.value
            if not open_clashes:
                return

    def judge_tasks(self, tasks: dict[TaskId, Task], context: Context) -> None:
        """Report what tasks say wrongly about others; put earlier versions in force, or hold them (take them out)."""
        faulty = {task.id: faults for task in tasks.values() if (faults := crosscheck.task_faults(task, context))}
        cycles = crosscheck.cycles(tasks)
        faults = [fault for found in faulty.values() for fault in found]
        faults += [crosscheck.cycle_fault(cycle, tasks) for cycle in cycles]
        self.problems += map(self.sources.problem, faults)
        suspects = {*faulty, *(task for cycle in cycles for task in cycle)}

        def is_faulty(task: Task) -> bool:
            trial = {**tasks, task.id: task} if suspects else tasks
            return bool(crosscheck.task_faults(task, context)) or crosscheck.is_in_cycle(task.id, trial)

        def accept(_path: str, value: Task) -> bool:
            # a cycle may have been broken meanwhile by the earlier version of another member
            if is_faulty(tasks[value.id]) and is_faulty(value):
                return False
            if is_faulty(tasks[value.id]):
                tasks[value.id] = value
            return True

        self.try_earlier({tasks[task].path for task in suspects} & self.sources.blobs.keys(), accept)
        for task in [task for task in suspects if is_faulty(tasks[task])]:
            del tasks[task]
        while remaining := crosscheck.cycles(tasks):
            for task in remaining[0]:
                del tasks[task]

    def forget_the_unused(self) -> None:
        current = set(self.sources.blobs.items())
        for key in [key for key in self.sources.parsed if key not in current]:
            if len(self.sources.parsed) > 2 * len(current) + 1000:
                del self.sources.parsed[key]


def _misnamed(path: str) -> list[Problem]:
    is_yml = path.endswith(".yml") and kind_of(path.removesuffix(".yml") + ".yaml") is not None
    return [Problem(path, 0, 0, "not read: the name must end in .yaml")] if is_yml else []


def _place_first(problem: Problem) -> tuple[str, int, int, str]:
    return problem.file, problem.line, problem.column, problem.message


def _with_setup_key(gates: tuple[Gate, ...], swarm: Swarm | None) -> tuple[Gate, ...]:
    """Return the gates; where one has `inputs`, what set-up hangs on is one of them."""
    keys = tuple(_exactly(path) for path in swarm.worktree.setup_key) if swarm and swarm.worktree.setup else ()
    return tuple(replace(gate, inputs=(*gate.inputs, *keys)) if gate.inputs else gate for gate in gates)


def _exactly(path: str) -> str:
    """Return the pattern for one path of a repository, a file or a folder."""
    return "/" + "".join(f"\\{letter}" if letter in "*?[]\\ " else letter for letter in path.strip("/"))
