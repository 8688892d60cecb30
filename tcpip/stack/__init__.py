"""The stack itself: interfaces, routes, neighbours, and the facade that owns them."""
