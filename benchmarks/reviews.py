"""The captured executor review, in its original size and larger."""

import json
from pathlib import Path

CAPTURED = Path(__file__).parents[1] / "tests" / "reviews" / "spark-3.5.2-executor-1.json"


def grown(size: int) -> bytes:
    """The captured review with extra environment variables, so that it has about `size` bytes."""
    review = json.loads(CAPTURED.read_bytes())
    environment = review["request"]["object"]["spec"]["containers"][0]["env"]
    missing = size - len(json.dumps(review, separators=(",", ":")))
    environment += [{"name": f"SPARK_CONF_{index:04}", "value": "x" * 60} for index in range(max(0, missing) // 96)]
    return json.dumps(review, separators=(",", ":")).encode()
