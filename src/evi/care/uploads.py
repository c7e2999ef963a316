"""Files that people send: kept in memory only, no more of each than can be read, whatever was announced."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from evi.care.exchange.reading import MAX_BYTES


class BoundedUploadHandler(FileUploadHandler):
    """Drops what comes after the most that any form reads, and says how much came.

    A form then tells the person that the file is too big; nothing is written to disk, so a large file fills
    neither the disk nor the memory.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """A file begins."""
        super().new_file(*args, **kwargs)
        self.kept, self.came = io.BytesIO(), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """A part of it."""
        self.came += len(raw_data)
        room = MAX_BYTES - self.kept.tell()
        if room > 0:
            self.kept.write(raw_data[:room])

    def file_complete(self, file_size: int) -> UploadedFile[Any]:
        """The file, or its beginning; its size is what came."""
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type or "", self.came, self.charset
        )
