"""The children: who they are, who they are tied to, and what services have written of them."""
