"""The paths that need no key: what a browser needs to sign in. Every other route has a guard."""

SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
PUBLIC = frozenset((SIGN_IN, "/static"))
"""The paths of routes and mounts, as the router has them."""
