"""Secrets are found by their form and by their value, and taken out of all that swarmgit writes down."""
