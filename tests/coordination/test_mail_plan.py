"""Mail in values: who may write to whom, what is recorded, what is delivered, and what is shown once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from swarmgit.model.actions import Archive, DeliverMail, Save, StartSession, TakeMail
from swarmgit.model.control import Freeze
from swarmgit.model.desired import Convoy, WatchdogConfig, WatchdogLimits
from swarmgit.model.ids import ConvoyId, SessionId, TaskId
from swarmgit.model.mail import DEAD, HUMAN, SWARMGIT, Letter, Mail, MailControl, Outbox, Posted, mail_id, origin_of
from swarmgit.model.policy import CommsRule, Policy
from swarmgit.plan import archive, mail
from swarmgit.plan.situation import Draft, Situation
from swarmgit.plan.tallies import SENDER_PER_HOUR
from tests.plan.values import Life, fails, life, never_ends, saved, task

BUILDERS = CommsRule("role:builder", "role:builder")


def team(*rules: CommsRule, names: tuple[str, ...] = ("a", "b")) -> Life:
    """Return a swarm in which builder-01 works on the first task, builder-02 on the second, …"""
    quiet = {"watchdog": WatchdogConfig(WatchdogLimits(is_on=False))}
    made = life(*(task(name) for name in names), ends=never_ends, policy=Policy(comms=rules), swarm=quiet)
    made.tick()
    made.tick()
    return made


def session_of(made: Life, agent: str) -> SessionId:
    return next(s.spec.id for s in made.observed.sessions.values() if s.spec.agent == agent)


def post(made: Life, agent: str, *letters: Letter, problem: str = "") -> None:
    """Put letters into an agent's outbox."""
    id_ = session_of(made, agent)
    posted = [Posted(f"{made.now:%S}-{n}.json", f"{made.now}-{n}", letter) for n, letter in enumerate(letters)]
    if problem:
        posted.append(Posted("bad.yaml", f"{made.now}-bad", None, problem))
    before = made.observed.outboxes.get(id_, Outbox())
    made.see(outboxes={**made.observed.outboxes, id_: replace(before, posted=tuple(posted))})


def inbox(made: Life, name: str) -> list[Mail]:
    """Return a mailbox without the notices about refused letters."""
    box = made.observed.mail.get(name, {})
    return [box[id_] for id_ in sorted(box) if not is_notice(box[id_])]


def is_notice(mail: Mail) -> bool:
    return mail.subject.startswith("Your message to ")


def dead(made: Life) -> list[tuple[str, str, str]]:
    return [(m.sender, m.to, m.refused) for m in inbox(made, DEAD)]


def given(made: Life, agent: str) -> list[str]:
    """Return the subjects that were put into the inbox of an agent's session."""
    id_ = session_of(made, agent)
    return [
        m.subject
        for a in made.did
        if isinstance(a, DeliverMail) and a.session == id_
        for m in a.mails
        if not is_notice(m)
    ]


def letter(to: str, subject: str = "hello", **fields: object) -> Letter:
    return Letter(to=(to,), subject=subject, **fields)  # type: ignore[arg-type]


def test_a_letter_is_stamped_recorded_delivered_and_taken_out_of_the_outbox_in_one_tick() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02", "the port is 8080", type="answer", body="see docs", task=TaskId("b")))
    decided = made.tick()

    (kept,) = inbox(made, "builder-02")
    assert (kept.sender, kept.to, kept.type, kept.subject, kept.body) == (
        "builder-01",
        "builder-02",
        "answer",
        "the port is 8080",
        "see docs",
    )
    assert kept.task == "a", "a message of a session is about its own task"
    assert kept.thread == kept.id
    assert kept.session == session_of(made, "builder-01")
    assert given(made, "builder-02") == ["the port is 8080"]
    assert [type(a) for a in decided.actions] == [TakeMail, DeliverMail, Save]
    assert saved(decided.actions, Mail)
    assert made.tick().actions == (), "and nothing of it happens again"


def test_nobody_may_write_to_another_agent_by_default() -> None:
    made = team()
    post(made, "builder-01", letter("builder-02"))
    made.tick()
    assert inbox(made, "builder-02") == []
    assert dead(made) == [
        ("builder-01", "builder-02", "comms in .swarm/policy.yaml: no rule lets builder-01 write to builder-02")
    ]


@pytest.mark.parametrize("to", [HUMAN, SWARMGIT])
def test_an_agent_may_always_write_to_a_person_and_to_swarmgit(to: str) -> None:
    made = team()
    post(made, "builder-01", letter(to))
    made.tick()
    assert [m.sender for m in inbox(made, to)] == ["builder-01"]


def test_a_rule_has_a_direction() -> None:
    made = team(CommsRule("builder-01", "builder-02"))
    post(made, "builder-01", letter("builder-02"))
    post(made, "builder-02", letter("builder-01"))
    made.tick()
    assert len(inbox(made, "builder-02")) == 1
    assert inbox(made, "builder-01") == []


def test_a_rule_holds_for_its_types_only_and_no_type_at_all_allows_nothing() -> None:
    for types, allowed in ((("question",), True), (("answer",), False), ((), False)):
        made = team(CommsRule("role:builder", "role:builder", types))
        post(made, "builder-01", letter("builder-02", type="question"))
        made.tick()
        assert bool(inbox(made, "builder-02")) is allowed, types
        assert bool(dead(made)) is not allowed, types


def test_more_than_a_rules_messages_an_hour_are_refused_and_go_again_an_hour_later() -> None:
    made = team(replace(BUILDERS, max_per_hour=2))
    post(made, "builder-01", *(letter("builder-02", f"n{n}") for n in range(3)))
    made.tick()
    assert [m.subject for m in inbox(made, "builder-02")] == ["n0", "n1"]
    assert [why for _, _, why in dead(made)] == ["too many messages from builder-01 to builder-02: more than 2 an hour"]
    made.now += timedelta(minutes=50)
    post(made, "builder-01", letter("builder-02", "too early"))
    made.tick()
    made.now += timedelta(minutes=11)
    post(made, "builder-01", letter("builder-02", "later"))
    made.tick()
    assert [m.subject for m in inbox(made, "builder-02")] == ["n0", "n1", "later"]


def test_who_claims_to_be_somebody_else_is_refused() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02", sender="swarmgit"), letter("builder-02", "mine", sender="builder-01"))
    made.tick()
    assert [m.subject for m in inbox(made, "builder-02")] == ["mine"]
    assert dead(made) == [("builder-01", "builder-02", "forged sender: 'swarmgit' was claimed by builder-01")]


def test_what_cannot_be_read_is_a_dead_letter_and_delays_nobody() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02"), problem="bad.yaml:1:1: not a document")
    made.tick()
    assert given(made, "builder-02") == ["hello"]
    assert dead(made) == [("builder-01", "dead", "bad.yaml:1:1: not a document")]


def test_of_a_flood_of_refused_letters_only_the_first_are_kept() -> None:
    made = team()
    post(made, "builder-01", *(letter("builder-02", f"n{n}") for n in range(400)))
    made.tick()
    assert len(dead(made)) == mail.DEAD_PER_HOUR
    (taken,) = (a for a in made.did if isinstance(a, TakeMail))
    assert len(taken.letters) == 400, "the outbox is emptied all the same"


def test_to_somebody_who_does_not_exist_nothing_goes() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("nobody"), letter("../../tasks/a"), letter("builder-01"))
    made.tick()
    assert [why for _, _, why in dead(made)] == [
        "there is no agent 'nobody'",
        "there is no agent '../../tasks/a'",
        "nobody writes to themselves",
    ]


def test_a_message_to_a_group_is_one_message_to_each_member_but_the_sender() -> None:
    made = team(BUILDERS, names=("a", "b", "c"))
    post(made, "builder-02", letter("@all", "all"), letter("@role:builder", "role"))
    made.tick()
    for name in ("builder-01", "builder-03"):
        assert [(m.subject, m.group) for m in inbox(made, name)] == [("all", "@all"), ("role", "@role:builder")]
    assert inbox(made, "builder-02") == []


def test_a_convoys_group_is_who_works_on_its_tasks() -> None:
    made = life(
        task("a", convoy=ConvoyId("cv")),
        task("b"),
        task("c"),
        ends=never_ends,
        policy=Policy(comms=(CommsRule("convoy:cv", "convoy:cv"),)),
        convoys={ConvoyId("cv"): Convoy(ConvoyId("cv"), "Together", tasks=(TaskId("a"), TaskId("c")))},
    )
    made.tick()
    made.tick()
    post(made, "builder-01", letter("@convoy:cv"), letter("@convoy:other", "nobody there"))
    made.tick()
    assert [m.subject for m in inbox(made, "builder-03")] == ["hello"]
    assert inbox(made, "builder-02") == []
    assert [why for _, _, why in dead(made)] == ["nobody is in @convoy:other now"]


def test_messages_of_a_pair_arrive_in_the_order_they_were_written() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", *(letter("builder-02", f"n{n}") for n in range(20)))
    made.tick()
    post(made, "builder-01", *(letter("builder-02", f"n{n}") for n in range(20, 25)))
    made.tick()
    assert given(made, "builder-02") == [f"n{n}" for n in range(25)]


def test_an_answer_belongs_to_the_conversation() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02", "which port?", type="question"))
    made.tick()
    (question,) = inbox(made, "builder-02")
    post(made, "builder-02", letter("builder-01", "8080", type="answer", in_reply_to=question.id))
    made.tick()
    (answer,) = inbox(made, "builder-01")
    assert answer.thread == question.id


def test_what_was_read_is_noted_and_not_given_again() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02"))
    made.tick()
    (kept,) = inbox(made, "builder-02")
    id_ = session_of(made, "builder-02")
    made.see(outboxes={**made.observed.outboxes, id_: Outbox(receipts=(kept.id,), delivered=kept.id)})
    at = made.now
    made.tick()
    assert inbox(made, "builder-02") == [replace(kept, read_at=at)]
    assert made.tick().actions == ()


def test_a_kill_between_record_and_delivery_loses_and_doubles_nothing() -> None:
    for cut in range(1, 4):
        made = team(BUILDERS)
        post(made, "builder-01", letter("builder-02"))
        made.tick_until_cut(cut)
        for _ in range(3):
            made.tick()
        assert len(inbox(made, "builder-02")) == 1, cut
        assert given(made, "builder-02") == ["hello"], cut


def test_mail_for_an_agent_without_a_session_is_in_its_next_prompt_once() -> None:
    made = team()
    made.see(mail_controls={"one": MailControl(Letter(to=("builder-02",), subject="use sqlite", body="not postgres"))})
    made.ends = lambda session: {"exit_code": 1, "paths": ()} if session.spec.agent == "builder-02" else {}
    made.tick()
    assert inbox(made, "builder-02")[0].sender == HUMAN
    for _ in range(4):
        made.tick()
    prompts = [a.prompt for a in made.did if isinstance(a, StartSession) and a.spec.agent == "builder-02"]
    assert ["use sqlite" in prompt and "> not postgres" in prompt for prompt in prompts[:3]] == [False, True, False]
    assert inbox(made, "builder-02")[0].read_at is not None
    assert made.observed.mail_controls == {}


def test_what_does_not_fit_into_the_digest_comes_into_the_inbox() -> None:
    made = team()
    letters = {f"{n:02d}": MailControl(letter("builder-02", f"n{n:02d}")) for n in range(15)}
    letters["99"] = MailControl(letter("builder-02", "stop!", priority="urgent"))
    made.see(mail_controls=letters)
    made.ends = lambda session: {"exit_code": 1, "paths": ()} if session.spec.agent == "builder-02" else {}
    made.tick()
    made.ends = never_ends
    for _ in range(4):
        made.tick()
    start = [a for a in made.did if isinstance(a, StartSession) and a.spec.agent == "builder-02"][-1]
    assert len(start.spec.mail) == mail.PROMPT_MAILS_MAX
    assert "stop!" in start.prompt
    given_later = [
        m.subject for a in made.did if isinstance(a, DeliverMail) and a.session == start.spec.id for m in a.mails
    ]
    assert sorted([*given_later, "stop!", *(f"n{n:02d}" for n in range(9))]) == sorted(
        [f"n{n:02d}" for n in range(15)] + ["stop!"]
    )


def test_what_policy_forbids_by_the_time_of_delivery_is_not_delivered() -> None:
    made = team(BUILDERS)
    without = {id_: s for id_, s in made.observed.sessions.items() if s.spec.agent != "builder-02"}
    made.see(sessions=without, freeze=Freeze("pat", made.now))
    post(made, "builder-01", letter("builder-02"))
    made.tick()
    assert [m.subject for m in inbox(made, "builder-02")] == ["hello"], "it waits for the agent's next session"
    made.see(freeze=None)
    made.policy = Policy()
    for _ in range(3):
        made.tick()
    assert inbox(made, "builder-02") == []
    assert [why for _, _, why in dead(made)] == [
        "when it was to be delivered: comms in .swarm/policy.yaml: no rule lets builder-01 write to builder-02"
    ]


def test_swarmgits_own_mail_is_sent_once_for_each_key() -> None:
    made = team()
    said = Letter(to=("builder-01", HUMAN), subject="src/a.py will conflict", type="status_update")
    for _ in range(3):
        situation = Situation.of(made.desired, made.swarm, made.observed, made.now, frozenset(), apply_now=False)
        draft = Draft()
        mail.from_swarmgit(situation, draft, said, "conflict/e1/e2")
        mail.from_swarmgit(situation, draft, said, "conflict/e1/e2")
        mail.deliver(situation, draft)
        for action in draft.actions:
            made._apply(action)
            made.did.append(action)
        made.now += timedelta(seconds=1)
    assert [(m.sender, m.subject) for m in inbox(made, "builder-01")] == [(SWARMGIT, "src/a.py will conflict")]
    assert len(inbox(made, HUMAN)) == 1
    assert given(made, "builder-01") == ["src/a.py will conflict"]


def test_people_are_told_once_about_a_task_that_needs_them() -> None:
    made = life(task("a"), ends=fails)
    made.settle()
    made.tick()
    (told,) = inbox(made, HUMAN)
    assert (told.type, told.priority, told.task, told.subject) == ("escalation", "high", "a", "a has failed")
    assert "swarmgit task restart a" in told.body


def test_read_mail_leaves_the_mailbox_when_it_is_old_or_the_mailbox_is_full() -> None:
    made = team(BUILDERS)
    at = made.now - timedelta(hours=2)
    old = [stored(at, n, read=n != 3) for n in range(archive.HOT_MAX + 10)]
    older = stored(at - timedelta(days=30), 0, read=True)
    made.see(mail={"builder-02": {m.id: m for m in [older, *old]}})
    moved = [a.path.split("/")[-1].removesuffix(".yaml") for a in made.decide().actions if isinstance(a, Archive)]
    assert moved[0] == older.id
    assert old[3].id not in moved, "what was not read stays"
    assert len(moved) == archive.STEP + 11
    young = [stored(made.now, n, read=True) for n in range(archive.HOT_MAX + 10)]
    made.see(mail={"builder-02": {m.id: m for m in young}})
    assert not [a for a in made.decide().actions if isinstance(a, Archive)], "rules count by the hour"


def stored(at: datetime, number: int, *, read: bool, to: str = "builder-02") -> Mail:
    id_ = mail_id(at, number, origin_of(f"{number}"))
    return Mail(id_, "builder-01", to, "answer", f"n{number}", at, id_, read_at=at if read else None)


def put_away(made: Life) -> list[str]:
    """Decide, and carry out what leaves the mailboxes; return the subjects that left."""
    decided = made.decide()
    for action in decided.actions:
        for kept in saved([action], Mail):
            boxes = {**made.observed.mail}
            boxes[kept.to] = {**boxes.get(kept.to, {}), kept.id: kept}
            made.see(mail=boxes)
    moved = {a.path.split("/")[-1].removesuffix(".yaml") for a in decided.actions if isinstance(a, Archive)}
    known = [(id_, m.subject) for box in made.observed.mail.values() for id_, m in box.items() if id_ in moved]
    left = {name: {i: m for i, m in box.items() if i not in moved} for name, box in made.observed.mail.items()}
    made.see(mail=left)
    return [subject for _, subject in sorted(known)]


@pytest.mark.parametrize("name", ["builder-01", HUMAN])
def test_unread_mail_that_is_too_much_leaves_with_a_word_to_its_recipient_and_then_nothing_moves(name: str) -> None:
    made = life(task("a", suspend=True))
    made.settle()
    at = made.now - timedelta(hours=2)
    letters = [stored(at, n, read=False, to=name) for n in range(400)]
    made.see(mail={name: {m.id: m for m in letters}})
    gone = put_away(made)
    assert gone == [f"n{n}" for n in range(400 - archive.HOT_MAX + archive.STEP)]
    notice = list(made.observed.mail[name].values())[-1]
    assert (notice.sender, notice.subject) == (SWARMGIT, f"{archive.PUT_AWAY} {len(gone)} messages")
    assert f"builder-01: {gone[-1]}" in notice.body
    assert len(made.observed.mail[name]) <= archive.HOT_MAX
    again = made.decide()
    assert (again.actions, again.is_settled) == ((), True)


def test_unread_mail_that_is_old_leaves_only_the_mailbox_of_an_agent_that_nobody_knows_any_more() -> None:
    made = life(task("a", suspend=True))
    made.settle()
    at = made.now - timedelta(days=30)
    names = ("builder-01", "gone-77", HUMAN)
    boxes = {name: stored(at, number, read=False, to=name) for number, name in enumerate(names)}
    made.see(mail={name: {m.id: m} for name, m in boxes.items()})
    assert put_away(made) == ["n1"]
    assert made.decide().actions == ()


def test_unread_mail_of_an_agent_at_work_stays() -> None:
    made = team(BUILDERS)
    letters = [stored(made.now - timedelta(hours=2), n, read=False) for n in range(400)]
    made.see(mail={"builder-02": {m.id: m for m in letters}})
    assert not [a for a in made.decide().actions if isinstance(a, Archive)]


def test_there_are_as_many_agents_of_a_role_as_there_are_places_and_those_that_are_known() -> None:
    made = team(BUILDERS)
    made.swarm = replace(made.swarm, agents_max=3)
    for to in ("builder-03", "builder-04", "builder-1", "builder-00"):
        post(made, "builder-01", letter(to))
        made.tick()
    assert [m.subject for m in inbox(made, "builder-03")] == ["hello"]
    refused = sorted(why for _, _, why in dead(made))
    assert refused == [f"there is no agent {name!r}" for name in ("builder-00", "builder-04", "builder-1")]


def test_an_agent_has_a_limit_for_all_recipients_together() -> None:
    made = team(BUILDERS)
    made.swarm = replace(made.swarm, agents_max=50)
    names = tuple(f"builder-{n:02d}" for n in range(2, 51))
    for number in range(SENDER_PER_HOUR // len(names) + 2):
        post(made, "builder-01", Letter(names, f"to all {number}"))
        made.tick()
    sent = [m for name in names for m in made.observed.mail.get(name, {}).values() if m.sender == "builder-01"]
    assert len(sent) == SENDER_PER_HOUR
    whys = {why for _, _, why in dead(made)}
    assert whys == {f"too many messages from builder-01: more than {SENDER_PER_HOUR} an hour"}


def test_why_work_went_back_is_on_record_for_its_agent_and_not_told_twice() -> None:
    made = life(task("a"), ends=fails, swarm={"attempts_max": 2})
    made.settle()
    sent = inbox(made, "builder-01")
    assert [(m.sender, m.type, m.task, m.read_at is not None) for m in sent] == [
        (SWARMGIT, "rework_request", "a", True)
    ] * 2
    assert "## Mail" not in "".join(a.prompt for a in made.did if isinstance(a, StartSession))


def test_the_sender_of_a_refused_letter_is_told_the_rule() -> None:
    made = team()
    post(made, "builder-01", letter("builder-02", "hello there"))
    made.tick()
    (notice,) = made.observed.mail["builder-01"].values()
    assert notice.sender == SWARMGIT
    assert notice.body == (
        "Your message to builder-02 was not sent: comms in .swarm/policy.yaml: no rule lets builder-01 write to "
        "builder-02\nIts subject: hello there\n"
    )
    told = [a for a in made.did if isinstance(a, DeliverMail)]
    assert [(a.session, len(a.mails)) for a in told] == [(session_of(made, "builder-01"), 1)]


def test_a_clock_that_goes_back_keeps_no_message_from_being_delivered_in_its_order() -> None:
    made = team(BUILDERS)
    post(made, "builder-01", letter("builder-02", "before"))
    made.tick()
    made.now -= timedelta(hours=1)
    post(made, "builder-01", letter("builder-02", "after"), letter("builder-02", "last"))
    made.tick()
    made.tick()
    assert given(made, "builder-02") == ["before", "after", "last"]
    assert [m.subject for m in inbox(made, "builder-02")] == ["before", "after", "last"]
