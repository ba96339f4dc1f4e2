"""The demo of blocking shows its report under `aioxide run`."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_demo_of_blocking_prints_the_report():
    environment = {name: value for name, value in os.environ.items() if "AIOXIDE" not in name}
    done = subprocess.run(
        # The default of 250 ms leaves a busy machine too little of the half second that it blocks.
        [sys.executable, "-m", "aioxide", "run", "--blocking", "50ms", "09_blocking.py"],
        capture_output=True,
        text=True,
        timeout=50,
        cwd=EXAMPLES,
        env=environment,
        check=True,
    )
    report = done.stderr
    assert report.startswith("aioxide: the event loop is blocked, ")
    source = Path(EXAMPLES, "09_blocking.py").read_text().splitlines()
    line = 1 + source.index("    time.sleep(WAIT)")
    assert f"at      09_blocking.py:{line} in blocking: time.sleep(WAIT)" in report
    assert "sleeping (clock_nanosleep)" in report
    assert "asyncio.sleep" in report
    assert "aioxide: the event loop is free again after " in report
