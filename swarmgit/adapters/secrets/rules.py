"""What secrets look like: the formats of well-known tokens, and values that are called a secret and look random.

A table of our own because what is needed here is small: where a match begins and ends, on bytes, at the price of a few
searches for each file written. The formats are the issuers' documented ones.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

VALUE_BYTES_MAX = 8192
RANDOM_BITS_MIN = 3.4
"""Entropy of a letter from which on a value counts as random; words and names of functions lie below."""


class Rule(Struct, frozen=True):
    """`marks`: one of these is in every text that the pattern matches (lower case where `folds`).

    The secret is group 1, else all of it. `guess`: the form alone proves nothing, the value must also look random.
    """

    kind: str
    marks: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    guess: bool = False
    folds: bool = False


class Match(Struct, frozen=True):
    kind: str
    start: int
    end: int
    value: bytes


def _rule(kind: str, marks: str, pattern: str, *, guess: bool = False, folds: bool = False) -> Rule:
    flags = re.IGNORECASE if folds else 0
    return Rule(kind, tuple(marks.encode().split(b"|")), re.compile(pattern.encode(), flags), guess, folds)


_KEY = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KEY_END = r"-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BODY = r"(?:[A-Za-z0-9+/=\s\\:,.()<>@]|-(?!-)){0,20000}+"
_KEY_LINES = r"(?:(?:\s|\\n|\\r){0,20}+[A-Za-z0-9+/=]{16,}+(?![\w:]))*"
_DIGIT = r"(?=[A-Za-z_-]{0,200}\d)"
_NAMED = r"(?:secret|token|passw(?:or)?d|passphrase|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|credential)"

RULES: tuple[Rule, ...] = (
    _rule("private key", "PRIVATE KEY", rf"{_KEY}(?:{_KEY_BODY}{_KEY_END}|{_KEY_LINES})"),
    _rule("AWS access key", "AKIA|ASIA|ABIA|ACCA", r"\b((?:AKIA|ASIA|ABIA|ACCA)(?![A-Z2-7]*EXAMPLE)[A-Z2-7]{16})\b"),
    _rule("GitHub token", "ghp_|gho_|ghu_|ghs_|ghr_", r"\b(gh[pousr]_[A-Za-z0-9]{36,255})\b"),
    _rule("GitHub token", "github_pat_", r"\b(github_pat_[A-Za-z0-9_]{40,255})\b"),
    _rule("GitLab token", "glpat-", r"\b(glpat-[A-Za-z0-9_.-]{20,255})"),
    _rule("Slack token", "xox", r"\b(xox[abeoprs]-[A-Za-z0-9-]{10,255})"),
    _rule("Slack webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/_+-]{20,255})"),
    _rule("Stripe key", "k_live_", r"\b([rs]k_live_[A-Za-z0-9]{20,255})\b"),
    _rule("Anthropic key", "sk-ant-", r"\b(sk-ant-[A-Za-z0-9_-]{20,255})"),
    _rule("OpenAI key", "sk-", rf"\b(sk-(?!ant-)(?:proj-|svcacct-|admin-)?{_DIGIT}[A-Za-z0-9_-]{{32,255}})"),
    _rule("Google API key", "AIza", r"\b(AIza[A-Za-z0-9_-]{35})"),
    _rule("Google OAuth secret", "GOCSPX-|ya29.", r"\b((?:GOCSPX-|ya29\.)[A-Za-z0-9_-]{24,1024})"),
    _rule("npm token", "npm_", r"\b(npm_[A-Za-z0-9]{36})\b"),
    _rule("PyPI token", "pypi-AgE", r"\b(pypi-AgE[A-Za-z0-9_-]{50,1024})"),
    _rule("SendGrid key", "SG.", r"\b(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64})"),
    _rule("Twilio key", "SK", r"\b(SK[0-9a-f]{32})\b"),
    _rule("Hugging Face token", "hf_", r"\b(hf_[A-Za-z0-9]{34,64})\b"),
    _rule("DigitalOcean token", "do", r"\b(do[opr]_v1_[0-9a-f]{64})\b"),
    _rule("JSON web token", "eyJ", r"\b(eyJ[A-Za-z0-9_-]{10,2048}\.eyJ[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{10,2048})"),
    _rule(
        "password in an address",
        "://",
        r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,100}:([^\s/@\"'<>]{6,255})@",
        guess=True,
    ),
    _rule(
        "authorization header",
        "authorization",
        r"authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3}([A-Za-z0-9._~+/=-]{16,2048})",
        guess=True,
        folds=True,
    ),
    _rule(
        "value that is called a secret",
        "secret|token|passw|passphrase|key|credential",
        rf"{_NAMED}[A-Za-z0-9_]{{0,30}}[\"']?\s{{0,3}}(?:[:=]|=>|:=)\s{{0,3}}\\?[\"']?"
        r"([A-Za-z0-9+/_~-]{16,512}={0,2})(?![A-Za-z0-9+/_~.(\[-])",
        guess=True,
        folds=True,
    ),
)
_PLACEHOLDER = re.compile(
    rb"example|xxxx|changeme|placeholder|dummy|redacted|your[_-]|\$\{|0000|1234567", re.IGNORECASE
)


def find(content: bytes) -> Iterator[Match]:
    """Yield what looks like a secret in a text, by rule, never twice for the same place."""
    folded = content.lower()
    seen = bytearray()
    for rule in RULES:
        if not any(mark in (folded if rule.folds else content) for mark in rule.marks):
            continue
        for found in rule.pattern.finditer(content):
            group = 1 if rule.pattern.groups else 0
            start, end = found.span(group)
            value = content[start : min(end, start + VALUE_BYTES_MAX)]
            if (rule.guess and not _looks_random(value)) or seen.find(1, start, end) >= 0:
                continue
            seen = seen or bytearray(len(content))
            seen[start:end] = b"\x01" * (end - start)
            yield Match(rule.kind, start, end, value)


def redact(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a text with a secret's kind in the place of each secret, and the kinds that there were."""
    found = sorted(find(content), key=lambda match: match.start)
    if not found:
        return content, ()
    parts: list[bytes] = []
    at = 0
    for match in found:
        parts += [content[at : match.start], f"REDACTED-{match.kind.replace(' ', '-')}".encode()]
        at = match.end
    return b"".join([*parts, content[at:]]), tuple(dict.fromkeys(match.kind for match in found))


def _looks_random(value: bytes) -> bool:
    """Return whether a value mixes letters and digits, is no placeholder, and repeats itself little."""
    if _PLACEHOLDER.search(value) or not re.search(rb"\d", value) or not re.search(rb"[A-Za-z]", value):
        return False
    size = len(value)
    bits = -sum(count / size * math.log2(count / size) for count in Counter(value).values())
    return bits >= min(RANDOM_BITS_MIN, math.log2(size) * 0.8)
