import unittest

from tally.lines import count_lines
from tally.registry import COMMANDS


class Lines(unittest.TestCase):
    def test_an_empty_text_has_no_lines(self):
        self.assertEqual(count_lines(""), 0)

    def test_the_last_line_needs_no_end(self):
        self.assertEqual(count_lines("a\nb"), 2)

    def test_every_command_is_named_once(self):
        self.assertEqual(len(COMMANDS), len(set(COMMANDS)))


if __name__ == "__main__":
    unittest.main()
