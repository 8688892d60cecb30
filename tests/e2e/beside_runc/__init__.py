"""The same bundles and the same commands through runc and through ours: `python -m tests.e2e.beside_runc`."""
