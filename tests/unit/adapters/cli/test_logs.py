"""What log lines look like, and what never gets into them."""

import json
import subprocess
import sys
from typing import Any

SCRIPT = """
import logging, structlog
from adapters.cli import logs
logs.configure({level!r})
{body}
"""


def lines(body: str, level: str = "info") -> list[dict[str, Any]]:
    """Return the lines that a process of its own writes."""
    script = SCRIPT.format(level=level, body=body)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout == b""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_an_object_with_level_name_and_time() -> None:
    [line] = lines("structlog.get_logger('clinic.access').info('request', status=200)")

    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "request", "level": "info", "logger": "clinic.access", "status": 200}


def test_others_join_in() -> None:
    [line] = lines("logging.getLogger('granian').warning('hot %d', 7)")

    assert (line["event"], line["level"], line["logger"]) == ("hot 7", "warning", "granian")


def test_lines_below_the_level_are_left_out() -> None:
    body = "structlog.get_logger().info('a'); logging.getLogger('x').info('b')"

    assert lines(body, level="warning") == []
    assert len(lines(body, level="debug")) == 2


def test_an_error_is_told_by_kind_and_place() -> None:
    raising = "try:\n    raise ValueError('Jane Doe')\nexcept ValueError:\n    "
    for log in ("structlog.get_logger().exception('oh')", "logging.getLogger('x').exception('oh')"):
        [line] = lines(raising + log)

        assert line["kind"] == "builtins.ValueError"
        assert line["frames"]
        assert "Jane" not in json.dumps(line)


def test_addresses_of_calls_are_left_out() -> None:
    assert lines("logging.getLogger('httpx').info('GET /token/abc')", level="debug") == []
