"""Check and render drafts in a process of its own: one JSON request per input line, one answer per output line.

    python -m campaigns.templates.rules.liquid_child

A thread can't be stopped while it is inside a regular expression; a process can be killed.
"""

from __future__ import annotations

import json
import os
import resource
import select
import sys
from typing import Any

from campaigns.templates.rules import liquid

IDLE_SECONDS = 300
MEMORY = 512 * 1024 * 1024


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return the response to one request: the text, or the error's parts."""
    try:
        if request["work"] == "check":
            liquid.check(request["source"], html=request["html"], limit=request["limit"])
            return {"text": ""}
        return {"text": liquid.render(request["source"], request["context"], html=request["html"])}
    except liquid.TemplateError as error:
        return {"error": [error.code, str(error), error.line, error.name, error.nearest]}
    except MemoryError:
        return {"error": ["too_much", "memory: the limit is reached", 0, ""]}


def main() -> None:
    """Answer requests from standard input, one JSON line each, until it closes or nothing arrives for a while."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    waiting = b""
    # Read past Python's own buffer, so that `select` sees every waiting request.
    while select.select([sys.stdin.fileno()], [], [], IDLE_SECONDS)[0]:
        piece = os.read(sys.stdin.fileno(), 1 << 16)
        if not piece:
            return
        waiting += piece
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            sys.stdout.buffer.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
