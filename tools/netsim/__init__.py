"""Networks of whole stacks in virtual time, drawn from one seed and broken on purpose: `python -m tools.netsim SEED`."""
