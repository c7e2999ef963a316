"""Whether a change that was tried in some schools helped: protocol, power, allocation and analysis."""
