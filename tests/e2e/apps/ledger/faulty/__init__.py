"""An application whose own system check finds an error."""
