"""The yardstick: a Litestar handler that does one indexed read by the driver and nothing else."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiosqlite
from litestar import Litestar, Request, get

_PATH: Final = os.environ["CLINIC_STORAGE"].removeprefix("sqlite:///")


@asynccontextmanager
async def connected(app: Litestar) -> AsyncIterator[None]:
    async with aiosqlite.connect(_PATH) as connection:
        connection.row_factory = aiosqlite.Row
        app.state.connection = connection
        yield


@get("/v1/clinics/{clinic_id:str}")
async def get_clinic(clinic_id: str, request: Request[Any, Any, Any]) -> dict[str, object]:
    connection: aiosqlite.Connection = request.app.state.connection
    rows = await connection.execute_fetchall("SELECT * FROM clinics WHERE id = ?", (clinic_id,))
    (row,) = rows
    return dict(row)


app = Litestar([get_clinic], lifespan=[connected], openapi_config=None)
