"""The registry of vulnerabilities as data, and the compiler that turns it into spans in one plan."""
