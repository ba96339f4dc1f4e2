"""What runs in the processes that are measured: plain asyncio programs, no part of the harness."""
