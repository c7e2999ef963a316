"""Export to and import from other systems: Individual Support Plan, FHIR R4."""
