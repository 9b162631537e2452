import unittest

from tally.title import title_case


class Title(unittest.TestCase):
    def test_capitals_inside_a_word_stay(self):
        self.assertEqual(title_case("the iOS way"), "The IOS Way")
