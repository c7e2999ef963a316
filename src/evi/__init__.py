"""eVI, the electronic Vulnerability Index: children's unseen needs, found together."""

__version__ = "0.1.0"
