"""The web process: uvicorn on a socket that the launcher opened, so that a restart refuses no connection.

python -m workbench.launcher.web FILE_DESCRIPTOR
"""

from __future__ import annotations

import os
import socket
import sys

import uvicorn


def serve(descriptor: int) -> None:
    """Serve until told to end. Open event streams are cut after two seconds: they never end by themselves."""
    config = uvicorn.Config(
        "workbench.asgi:application",
        timeout_graceful_shutdown=2,
        # The sign-in link must not stand in a log; and X-Forwarded-For counts only behind a proxy somebody named.
        access_log=False,
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        server_header=False,
        log_level="info",
    )
    with socket.socket(fileno=descriptor) as listener:
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(int(sys.argv[1]))
