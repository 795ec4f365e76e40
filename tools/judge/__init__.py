"""Judge rendered frames as a stranger would: a detector, real footage and a fixed set of views."""
