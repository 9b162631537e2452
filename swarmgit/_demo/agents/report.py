"""Builds on what two other agents have landed."""

import desk

desk.deliver("report")
