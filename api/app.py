"""The people's port as an application: every resource under /api/v1, health, metrics, and the dashboard for the rest.

Default deny: an address under /api/v1 whose route has no door (`Allow(…)` or `anyone`), or more than one, keeps the
application from starting.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy import text
from starlette.routing import BaseRoute

from api import metrics, share
from api.auth.allow import access_of, doors
from api.auth.keys import Rates
from api.casework import errors
from api.casework.paging import BadCursor
from api.casework.playbooks import Playbooks
from api.casework.shown import Shown
from api.dashboard import Dashboard
from api.guard import Guard
from api.live import Live
from api.problems import Problem, answer, install
from api.resources import Resource, all_routes
from api.runtime import VERSION, Runtime
from correlator.config import rule_paths

PREFIX = "/api/v1"


class NoDoor(RuntimeError):
    """A route that anybody could walk through."""


def create_app(node: Runtime) -> FastAPI:
    live = Live(node.db, node.bell)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await live.start()
        try:
            yield
        finally:
            await live.close()

    app = FastAPI(
        title="Lũy Tre",
        version=VERSION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        # FastAPI's own can be switched on by the environment, and then sends what it saw elsewhere.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.node, app.state.live, app.state.denials, app.state.key_rates = node, live, {}, Rates()
    app.state.providers = {}  # OpenID providers by id, made when first asked for
    shipped = share.rules(node.node.share)
    config = node.config

    def folders() -> list[Path]:
        return rule_paths(config) if config else [shipped] if shipped else []

    app.state.playbooks = Playbooks(folders, node.clock)
    app.state.shown = shown = Shown(node.db, node.clock)
    install(app)
    _install_case_errors(app)
    app.add_middleware(Guard, tls=node.tls, public_url=node.api.public_url)
    app.router.routes.extend(_routes())
    node.counters["queue"] = lambda: {"pages_given": shown.given, "pages_made": shown.made}
    node.counters["live"] = lambda: {"screens": live.screens}
    app.state.dashboard = Dashboard(share.dashboard(node.node.share))
    return app


@functools.cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every resource under its prefix, then the root's own. FastAPI reads what each route takes once an inclusion, at
    the first request: for all of them 0.17 s. So they are included once a process: tests make thousands of them."""
    router = APIRouter()
    for name, resource in all_routes().items():
        check_doors(name, resource)
        router.include_router(resource.router, prefix=PREFIX + resource.prefix)
    router.include_router(_ROOT)  # last: it has an answer for every address
    return tuple(router.routes)


def check_doors(name: str, resource: Resource) -> None:
    for route in resource.router.routes:
        if not isinstance(route, APIRoute):
            raise NoDoor(f"api/resources/{name}.py: {route!r} is not a plain route")
        if len(set(map(id, doors(route.dependant)))) != 1:
            raise NoDoor(
                f"api/resources/{name}.py: {sorted(route.methods or ())} {route.path} needs exactly one permission"
            )


def _install_case_errors(app: FastAPI) -> None:
    @app.exception_handler(errors.CaseError)
    def _case(request: Request, error: errors.CaseError) -> Response:
        if isinstance(error, errors.WrongState):
            return answer(request, Problem("LT-A0409", (error.vi, error.en)))
        if isinstance(error, errors.Stale):
            return answer(request, Problem("LT-A0412", revision=error.revision))
        if isinstance(error, errors.Invalid):
            said = error.vi if getattr(request.state, "language", "vi") == "vi" else error.en
            return answer(request, Problem("LT-A0422", errors=[{"field": error.field, "message": said}]))
        return answer(request, Problem("LT-A0404"))

    @app.exception_handler(BadCursor)
    def _cursor(request: Request, error: BadCursor) -> Response:
        return answer(request, Problem("LT-A0400"))


# Not closures over the node: FastAPI keeps what it found out of each handler, and with it whatever the handler holds.
_ROOT = APIRouter(include_in_schema=False)


@_ROOT.get("/healthz")
async def _healthz() -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


@_ROOT.get("/readyz")
def _readyz(request: Request) -> Response:
    """The database and the event store answer."""
    node: Runtime = request.app.state.node
    try:
        with node.db.read() as session:
            session.execute(text("SELECT 1"))
        node.reader.end()
    except Exception as error:  # whatever it is, it is "not ready", and the log says what
        node.log.warning("not ready", error=type(error).__name__)
        return PlainTextResponse("not ready\n", 503)
    return PlainTextResponse("ready\n")


@_ROOT.get("/metrics")
def _metrics(request: Request) -> Response:
    """For a scraper on this machine, or for who may see the system."""
    node: Runtime = request.app.state.node
    here = request.client is not None and request.client.host in ("127.0.0.1", "::1")
    forwarded = {"x-forwarded-for", "forwarded", "via"} & set(request.headers)
    if not (here and not forwarded):
        access = access_of(request, node)
        if access is None or "system.read" not in access.permissions:
            raise Problem("LT-A0404")
    return Response(metrics.text(node), media_type="text/plain; version=0.0.4; charset=utf-8")


@_ROOT.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def _no_such(rest: str) -> JSONResponse:
    raise Problem("LT-A0404")


@_ROOT.get("/{rest:path}")
def _screens(request: Request, rest: str) -> Response:
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard.answer(request)
