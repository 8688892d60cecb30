"""CPython's own tests of asyncio with a loop whose network is a stack of ours: `python -m tests.asyncio_suite`."""
