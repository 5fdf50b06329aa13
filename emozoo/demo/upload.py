"""Uploads to the demo page: each gets a folder of its own, whose name nobody can guess.

gradio would name the folder by the file's content, and two visitors with the same file would share it. Importing this
needs gradio.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from gradio.route_utils import GradioMultiPartParser
from gradio.routes import file_upload_statuses
from gradio_client.utils import strip_invalid_filename_characters
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from emozoo.demo.visits import Visits
from emozoo.errors import EmozooError

PROGRESS_SECONDS = 30
"""How long the page can ask for an upload's progress."""


class Refused(Exception):
    """A request is refused, with an HTTP status and a sentence that says why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


async def receive_upload(request: Request, visits: Visits, visitor: str, largest: int) -> Response:
    """Stores the one file of a form, and answers with its path. Raises Refused for anything else or too large a file."""
    said = int(request.headers.get("content-length", largest))
    progress = request.query_params.get("upload_id", "")[:64]
    try:
        with visits.receiving(visitor, min(said, largest)) as folder:
            path = await _store(request, folder, progress, largest)
        return JSONResponse([str(path)])
    except EmozooError as error:
        raise Refused(503, str(error)) from error
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it
    finally:
        if progress:
            asyncio.get_running_loop().call_later(PROGRESS_SECONDS, file_upload_statuses.stop_tracking, progress)


async def _store(request: Request, folder: Path, progress: str, largest: int) -> Path:
    if progress:
        file_upload_statuses.track(progress)
    try:
        form = await GradioMultiPartParser(
            request.headers,
            request.stream(),
            max_files=1,
            max_fields=0,
            upload_dir=folder,
            upload_id=progress,
            upload_progress=file_upload_statuses if progress else None,
            max_file_size=largest,
        ).parse()
    except MultiPartException as error:
        raise Refused(413 if "maximum allowed size" in error.message else 400, error.message) from error
    except (KeyError, ValueError) as error:
        raise Refused(400, "That is no form with a file in it") from error
    file = form.get("files")
    if not isinstance(file, UploadFile):
        raise Refused(400, "That is no form with a file in it")
    file.file.close()
    name = strip_invalid_filename_characters(Path(file.filename or "").name)
    return Path(str(file.file.name)).rename(folder / (name if name.strip(".") else "clip"))
