"""How many files a test may open."""

import resource

#: What the tests have open anyway.
_OTHERS = 200


def allowed(wanted: int) -> int:
    """How many of `wanted` connections this process may open. A container may allow fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + _OTHERS:
        soft = wanted + _OTHERS if hard == resource.RLIM_INFINITY else min(wanted + _OTHERS, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - _OTHERS)
