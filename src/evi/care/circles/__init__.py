"""The circle round one child: who, since when, tasks and messages tied to the child."""
