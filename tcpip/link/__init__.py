"""Link endpoints: where packets of a stack come from and go to."""
