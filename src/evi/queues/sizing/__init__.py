"""What a promise needs, what follows from keeping it, and how fast is wise."""
