"""What counts as a secret, what does not, and that looking costs little whatever the text.

The examples are put together here, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmgit.adapters.secrets import rules

R = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ0bC2eF4hJ6kL8nP0rS2uV4xY6"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
KEY = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\n" + f"{R}\n{R}\n" + "-----END OPENSSH " + "PRIVATE KEY-----"
SECRETS = {
    "AWS access key": "AK" + "IA" + "Q3EGRY7ZPLM2XK5T",
    "GitHub token": "gh" + "p_" + R[:36],
    "GitLab token": "glp" + "at-" + R[:20],
    "Slack token": "xo" + "xb-" + "123456789012-" + R[:24],
    "Stripe key": "sk_" + "live_" + R[:24],
    "Anthropic key": "sk-" + "ant-api03-" + R[:40],
    "OpenAI key": "sk-" + "proj-" + R[:40],
    "Google API key": "AI" + "za" + R[:35],
    "npm token": "np" + "m_" + R[:36],
    "PyPI token": "pypi-" + "AgE" + R + R,
    "SendGrid key": "S" + "G." + R[:22] + "." + R[:43],
    "Twilio key": "S" + "K" + HEX[:32],
    "Hugging Face token": "h" + "f_" + R[:34],
    "DigitalOcean token": "do" + "p_v1_" + HEX,
    "JSON web token": "ey" + "J" + R[:20] + ".ey" + "J" + R[:30] + "." + R[:30],
    "private key": KEY,
}
NAMED = [
    f'api_key = "{R[:24]}"',
    f"PASSWORD={R[:20]}",
    f'"client_secret": "{R[:32]}"',
    f"db_password: {R[:18]}",
    f"export MY_TOKEN='{R[:40]}'",
    f"Authorization: Bearer {R[:30]}",
    f"postgres://app:{R[:14]}@db.internal/app",
]
HARMLESS = [
    "token = secrets.token_urlsafe(32)",
    'api_key = os.environ["MY_API_KEY_2024_FOR_TESTS"]',
    "password: str | None = None",
    'password = "changeme-1234567890"',
    "api_key=your_api_key_goes_here_123",
    "tokens: 400000",
    f"tree: {HEX[:40]}",
    f"key: {HEX[:40]}",
    "session: 01hxyzabcdefghjkmnpqrstvwx",
    "AKIAIOSFODNN7EXAMPLE",
    "https://user:${PASSWORD}@example.org/",
    "sk-learn-is-a-library-with-a-long-name-and-no-digits",
    "token_count = tokenizer.count_tokens_of_messages(messages)",
    "secret_name: projects/my-project/secrets/my-secret",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
]


@pytest.mark.parametrize("kind", SECRETS)
def test_a_token_of_a_known_form_is_found_and_taken_out_whole(kind: str) -> None:
    value = SECRETS[kind]
    for text in (f"here: {value}\nnext: line\n", f'{{"body": "{value}"}}', f"({value})"):
        clean, kinds = rules.redact(text.encode())
        assert kinds == (kind,)
        assert clean == text.replace(value, f"REDACTED-{kind.replace(' ', '-')}").encode()


@pytest.mark.parametrize("text", NAMED)
def test_a_random_value_that_is_called_a_secret_is_found(text: str) -> None:
    clean, kinds = rules.redact(text.encode())
    assert len(kinds) == 1
    assert R[:14].encode() not in clean


@pytest.mark.parametrize("text", HARMLESS)
def test_names_numbers_placeholders_and_our_own_ids_are_no_secrets(text: str) -> None:
    assert rules.redact(text.encode()) == (text.encode(), ())


def test_a_private_key_without_its_end_is_taken_out_up_to_the_next_key_of_the_document() -> None:
    cut = KEY.partition("-----END")[0]
    clean, kinds = rules.redact(f"output: |\n  {cut}reason: all of it\n".encode())
    assert kinds == ("private key",)
    assert clean.decode().replace("\n", "") == "output: |  REDACTED-private-keyreason: all of it"


def test_a_key_in_json_is_taken_out_with_its_written_out_line_ends() -> None:
    text = '{"said": "' + KEY.replace("\n", "\\n") + '"}'
    assert rules.redact(text.encode())[0] == b'{"said": "REDACTED-private-key"}'


def test_redacting_twice_changes_nothing_more() -> None:
    text = "\n".join([*SECRETS.values(), *NAMED]).encode()
    once = rules.redact(text)[0]
    assert rules.redact(once) == (once, ())


def test_our_own_sources_hold_nothing_that_looks_like_a_secret() -> None:
    root = Path(__file__).parents[2] / "swarmgit"
    found = {str(path): list(rules.find(path.read_bytes())) for path in root.rglob("*.py")}
    assert {path: matches for path, matches in found.items() if matches} == {}


@pytest.mark.parametrize(
    "piece",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "eyJ",
        "a://",
        "sk-",
        "authorization: bearer ",
        "secret",
        "token = ",
        "xoxb-a1",
    ],
)
def test_a_text_made_to_be_slow_is_searched_in_time(piece: str) -> None:
    text = piece.encode() * (200_000 // len(piece))
    start = time.perf_counter()
    rules.redact(text)
    assert time.perf_counter() - start < 5


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_searched(content: bytes) -> None:
    clean, kinds = rules.redact(content)
    assert (clean == content) == (kinds == ())
