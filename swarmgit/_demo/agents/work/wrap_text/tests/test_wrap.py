import unittest

from tally.wrap import wrap


class Wrap(unittest.TestCase):
    def test_lines_keep_to_the_width(self):
        self.assertEqual(wrap("aa bb cc", 5), ["aa bb", "cc"])
