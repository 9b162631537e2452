import unittest

from tally.report import summarise


class Report(unittest.TestCase):
    def test_a_summary_is_one_line(self):
        self.assertEqual(summarise("A tale", "once upon a time"), "a-tale: 4 words")
