"""The tables of roles and routes against the application that is really built."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts

from services.gateway.doors import Doors
from services.gateway.guard import access_of, guard
from services.gateway.roles import ADMIN_KINDS, HIDDEN_KINDS, KINDS, ROLES, ROUTES, Door, Scope, may, scope_to_read, scope_to_write
from services.gateway.settings import GatewaySettings
from services.gateway.web import create_app


def listed() -> list[tuple[str, str, RouteContext]]:
    app = create_app(cast("Doors", SimpleNamespace(limits=GatewaySettings())))
    found: list[tuple[str, str, RouteContext]] = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIWebSocketRoute):
            found.append(("WS", str(route.path), route))
        else:
            assert isinstance(route.original_route, APIRoute), f"{route!r} is no API route: the guard would not see it"
            found += [(method, str(route.path), route) for method in route.methods or ()]
    return found


def test_every_route_is_in_the_table_and_behind_the_guard() -> None:
    routes = listed()
    assert len(routes) > 40
    for method, path, route in routes:
        assert access_of(method, path) is not None, f"{method} {path} has no line in ROUTES"
        calls = [d.call for d in route.dependant.dependencies]
        assert guard in calls, f"{method} {path} is not behind the guard"


def test_every_line_of_the_table_is_a_route() -> None:
    built = {(m, p) for m, p, _ in listed()}
    planned = {place for place in ROUTES if place not in built}
    assert not planned, f"lines of ROUTES without a route: {planned}"


def test_public_doors_are_only_these() -> None:
    public = {path for (_, path), access in ROUTES.items() if access is Door.PUBLIC}
    assert public == {"/login", "/api/v1/login", "/api/v1/shared/{token}", "/{path:path}"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", list(Scope))
def test_roles_grant_what_the_table_says(role: str, scope: Scope) -> None:
    ladder = {"viewer": {Scope.READ}, "operator": {Scope.READ, Scope.OPERATE}, "admin": {Scope.READ, Scope.OPERATE, Scope.ADMIN}}
    assert may(ROLES[role], scope) == (scope in ladder[role])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kinds_are_guarded(kind: str) -> None:
    assert scope_to_write(kind) is (Scope.ADMIN if kind in ADMIN_KINDS else Scope.OPERATE)
    assert scope_to_read(kind) is (Scope.ADMIN if kind in HIDDEN_KINDS else Scope.READ)
    assert {"user", "key", "tenant"} <= ADMIN_KINDS
