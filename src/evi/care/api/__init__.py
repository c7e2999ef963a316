"""The programming interface: OpenAPI, the same decisions, tokens of organisations (see `interface`)."""
