"""Builds the container images of this repository without a registry.

Everything that needs the network is fetched before a build (Debian packages for the base, wheels for the
interpreter inside it), so that a Containerfile is only copying and runs the same with other tools.
"""
