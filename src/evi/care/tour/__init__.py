"""The demonstration: a made-up district in the application, sign-ins, and a guided tour."""
