"""`python -m bench.bare_app STORE`: what posts are measured against.

A FastAPI app that inserts one row a post, in a transaction of its own, and does nothing else.
"""

import sqlite3
import sys
from threading import Event, local

import psycopg
from fastapi import Body, FastAPI

from infra.web.server import address_of, listening, serve


def bare_app(store: str) -> FastAPI:
    """The app on a database of its own, with commits as durable as ours."""
    app, mine = FastAPI(openapi_url=None), local()
    path = store.removeprefix("sqlite:///")

    def connection() -> sqlite3.Connection | psycopg.Connection:
        """One a thread."""
        if not hasattr(mine, "connection"):
            mine.connection = psycopg.connect(store) if path == store else sqlite3.connect(path, timeout=30)
            if path != store:
                mine.connection.execute("PRAGMA journal_mode = WAL")
                mine.connection.execute("PRAGMA synchronous = FULL")
        found: sqlite3.Connection | psycopg.Connection = mine.connection
        return found

    made = connection()
    made.execute("CREATE TABLE posted (source TEXT, id TEXT, body TEXT, PRIMARY KEY (source, id))")
    made.commit()

    @app.post("/v1/events")
    def post(message: dict[str, object] = Body()) -> dict[str, object]:  # noqa: B008
        row = (str(message["source"]), str(message["id"]), str(message))
        open_connection = connection()
        with open_connection if isinstance(open_connection, sqlite3.Connection) else open_connection.transaction():
            if isinstance(open_connection, sqlite3.Connection):
                open_connection.execute("INSERT INTO posted VALUES (?, ?, ?)", row)
            else:
                open_connection.execute("INSERT INTO posted VALUES (%s, %s, %s)", row)
        return {"id": message["id"], "verdict": "applied"}

    return app


if __name__ == "__main__":
    listener = listening("127.0.0.1:0")
    print(f"Serving at {address_of(listener)}", file=sys.stderr, flush=True)
    serve(bare_app(sys.argv[1]), listener, Event())
