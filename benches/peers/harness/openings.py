"""How often a directory and its files are opened, by whoever it is, as Linux tells it."""

import ctypes
import os
import struct

IN_OPEN = 0x20
IN_NONBLOCK = 0x800
EVENT = struct.Struct("iIII")


class Openings:
    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._queue = libc.inotify_init1(IN_NONBLOCK)
        self._count = 0
        if self._queue < 0 or libc.inotify_add_watch(self._queue, os.fsencode(folder), IN_OPEN) < 0:
            raise OSError(ctypes.get_errno(), "openings can't be watched")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._queue)

    def count(self):
        """The openings since the beginning, those of the directory itself too."""
        while True:
            try:
                events = os.read(self._queue, 1 << 20)
            except BlockingIOError:
                return self._count
            while events:
                _, _, _, length = EVENT.unpack_from(events)
                self._count += 1
                events = events[EVENT.size + length :]
