import unittest

from tally.slug import slugify


class Slug(unittest.TestCase):
    def test_words_are_joined_by_hyphens(self):
        self.assertEqual(slugify("Read me, first!"), "read-me-first")
