import unittest

from tally.index import index


class Index(unittest.TestCase):
    def test_a_word_is_found_once_per_line(self):
        self.assertEqual(index("a a\nb\na"), {"a": [1, 3], "b": [2]})
