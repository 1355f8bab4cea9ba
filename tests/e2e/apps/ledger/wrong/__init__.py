"""An application whose migration is wrong in version 1 of the image, and mended in version 2."""
