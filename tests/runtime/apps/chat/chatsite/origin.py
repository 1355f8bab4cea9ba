def describe_origin(scope):
    """What the application believes about its client."""
    headers = {}
    for name, value in scope["headers"]:
        key = name.decode().lower().replace("_", "-")
        if key.startswith("x-forwarded") or key in ("forwarded", "x-real-ip"):
            headers.setdefault(key, []).append(value.decode())
    return {"client": scope["client"][0], "scheme": scope.get("scheme"), "headers": headers}
