"""Memory that was freed: pages that come back in the next turn are not given to the kernel."""

import os
import platform
import subprocess
import sys

import pytest

# Faults are of pages: 16 for a message, 800 for a round of them.
PROBE = """
import resource
import sys

import aioxide

ROUNDS = 20


def messages():
    return [b"m" * 64_000 + str(number).encode() for number in range(50)]


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if sys.argv[1] == "with a loop":
    aioxide.new_event_loop().close()
messages()
before = faults()
for _ in range(ROUNDS):
    messages()
print((faults() - before) // ROUNDS)
"""
NAMES = ("TRIM_THRESHOLD", "TOP_PAD", "MMAP_THRESHOLD", "MMAP_MAX")
LIMITS = ("GLIBC_TUNABLES", *(f"MALLOC_{name}_" for name in NAMES))

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own behaviour")


def faults_of_a_round(argument: str, **limits: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in LIMITS}
    command = [sys.executable, "-c", PROBE, argument]
    found = subprocess.run(
        command, env={**environment, **limits}, capture_output=True, text=True, check=True
    )
    return int(found.stdout)


def test_a_process_with_a_loop_keeps_what_it_frees_and_needs_again():
    assert faults_of_a_round("without a loop") > 400
    assert faults_of_a_round("with a loop") < 40


def test_a_limit_that_the_user_has_set_holds():
    assert faults_of_a_round("with a loop", MALLOC_TRIM_THRESHOLD_="131072") > 400
