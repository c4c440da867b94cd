"""An HTTP transport that several threads may use at once."""

import ssl
from threading import Lock, Thread, current_thread

import httpx


class ThreadTransport(httpx.BaseTransport):
    """Gives each thread connections of its own, and closes those of threads that have ended.

    If threads share a pool, httpcore 1.0.9 may close a connection that another thread has just been given. That thread then
    waits for its answer until the timeout (encode/httpcore#1110).
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._transports: dict[Thread, httpx.HTTPTransport] = {}
        self._lock = Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request on a connection of the calling thread, and returns the answer."""
        return self._own().handle_request(request)

    def close(self) -> None:
        """Closes every connection."""
        with self._lock:
            while self._transports:
                self._transports.popitem()[1].close()

    def _own(self) -> httpx.HTTPTransport:
        thread = current_thread()
        with self._lock:
            if thread not in self._transports:
                for ended in [one for one in self._transports if not one.is_alive()]:
                    self._transports.pop(ended).close()
                self._transports[thread] = httpx.HTTPTransport(verify=self._context)
            return self._transports[thread]
