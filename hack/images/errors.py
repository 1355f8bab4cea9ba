"""What a person reads when the images cannot be built."""

OTHER_TOOLS = (
    "With docker or podman the images are built from public bases instead: "
    "`python -m hack.images --prepare`, then `docker build -f operator/Containerfile .` (docs/images.md)."
)


class ImagesError(Exception):
    """A sentence for the person at the keyboard; the command prints it and exits with 1."""
