"""One file from a mirror on the web, checked. A mirror is a stranger.

Whatever it answers (nothing, half, a login page, one byte a second, words for the terminal) costs a few seconds
and never more memory than the file itself needs; then the next mirror is asked. Knows nothing of MNIST.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import queue
import threading
import time
import urllib.request
import zlib
from typing import IO

# A mirror is given up when its next 200 kB take longer than 10 seconds. A slow line (50 kB/s) gets everything.
_PATIENCE_SECONDS = 10.0
_PATIENCE_BYTES = 200_000
_MAX_PACKED_BYTES = 32 << 20
_MAX_FILE_BYTES = 64 << 20


class MirrorError(ValueError):
    """What was wrong with the answer, in one short line."""


def fetch_from(mirrors: list[str], packed_name: str, md5: str) -> bytes:
    """A file, unpacked, from the first mirror that gives it.

    Args:
        mirrors: addresses that end in a slash. Those that fail go to the end of the list.
        packed_name: the file's name there; gzip.
        md5: the packed file's checksum.

    Raises:
        MirrorError: none gave it.
    """
    reasons = []
    for mirror in list(mirrors):
        try:
            return _unpack(_fetch(mirror + packed_name, md5))
        except MirrorError as error:
            reasons.append(f"{mirror.split('/')[2]}: {error}")
            mirrors.append(mirrors.pop(0))
    raise MirrorError("; ".join(reasons))


def _fetch(url: str, md5: str) -> bytes:
    """The bytes behind ``url``, checked.

    A thread listens, because only from outside can the waiting be limited as a whole: looking up the name,
    connecting to each of its addresses, redirects, the headers and the content each have a limit of their own
    or none.
    """
    pieces: queue.SimpleQueue[bytes | MirrorError] = queue.SimpleQueue()
    given_up = threading.Event()

    def listen() -> None:
        try:
            with urllib.request.build_opener(_Redirects).open(url, timeout=_PATIENCE_SECONDS) as response:
                while not given_up.is_set():
                    pieces.put(piece := response.read1(1 << 16))
                    if not piece:
                        return
        except Exception as error:  # a stranger can bring on nearly anything: ValueError, for one
            pieces.put(MirrorError(_reason(error)))

    threading.Thread(target=listen, daemon=True).start()
    content = bytearray()
    try:
        n_before, deadline = 0, time.monotonic() + _PATIENCE_SECONDS
        while piece := pieces.get(timeout=max(0.0, deadline - time.monotonic())):
            if isinstance(piece, MirrorError):
                raise piece
            content += piece
            if len(content) > _MAX_PACKED_BYTES:
                raise MirrorError("sends more than the file can hold")
            if len(content) - n_before >= _PATIENCE_BYTES:
                n_before, deadline = len(content), time.monotonic() + _PATIENCE_SECONDS
    except queue.Empty:
        raise MirrorError(f"silent or too slow, given up after {len(content):,} bytes") from None
    finally:
        given_up.set()
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise MirrorError("sent something else (wrong checksum)")
    return bytes(content)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        fp.close()  # else urllib reads the whole page that comes with a redirect, however long it is
        if not newurl.startswith(("http://", "https://")):  # urllib also goes to ftp
            raise MirrorError("redirects to another place than the web")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _unpack(packed: bytes) -> bytes:
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(_MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MirrorError(f"cannot be unpacked ({error})") from error
    if len(content) > _MAX_FILE_BYTES:
        raise MirrorError("unpacks to more than the file can hold")
    return content


def _reason(error: Exception) -> str:
    """One short line; the words may be the stranger's, and are not let at the terminal as they are."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    printable = "".join(character if character.isprintable() else " " for character in text[:1000])
    return " ".join(printable.split())[:100]
