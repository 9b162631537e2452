import unittest

from tally.words import count_words


class Words(unittest.TestCase):
    def test_white_space_separates(self):
        self.assertEqual(count_words("one  two\nthree"), 3)
