"""nf_tables: tables of a user's own with chains of rules that are small programs for a register machine."""
