"""Wire formats: one file per protocol; `parse`, `wire_len`, `emit`; hostile bytes raise only `Malformed`."""
