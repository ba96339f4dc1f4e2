"""The same jobs by each form of concurrency."""
