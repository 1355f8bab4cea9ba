"""An application whose migration does something, and then needs a table for itself that others may have locked."""
