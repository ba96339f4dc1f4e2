"""Puts the harness on the path; the fake suite is data for these tests, not tests of its own."""

import pathlib
import sys

collect_ignore = ["fake"]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
