"""Who may do what: the one table of roles, and the one table of routes. A route that is not in it answers 403.

The tests read both tables, so a new route without a line here is a red test.
"""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """What a route asks for and a role or key grants."""

    READ = "read"
    OPERATE = "operate"
    """Feedback, acknowledgements, silences, dashboards, annotations."""
    ADMIN = "admin"
    """Users, keys, tenants, rules, queries of others, dead-letter replay."""
    INGEST = "ingest"
    """Send samples and events; granted to keys, never to a browser."""
    SHARED = "shared"
    """What a share link grants: the series of one dashboard, nothing else."""


class Door(StrEnum):
    """Routes that ask for no scope, and why that is right."""

    PUBLIC = "public"
    """Static files, log-in and log-out: nothing of a tenant is behind it."""
    PASSED_ON = "passed on"
    """Ingest's receivers: the credential is checked by ingest, which gets it untouched."""
    SIGNED = "signed"
    """Called by another service: the route checks the signature of the body or of the link before it looks at what it says."""


Access = Scope | Door

ROLES: dict[str, frozenset[Scope]] = {
    "viewer": frozenset({Scope.READ}),
    "operator": frozenset({Scope.READ, Scope.OPERATE}),
    "admin": frozenset({Scope.READ, Scope.OPERATE, Scope.ADMIN}),
}

_READ, _OPERATE, _ADMIN, _PUBLIC, _PASSED = Scope.READ, Scope.OPERATE, Scope.ADMIN, Door.PUBLIC, Door.PASSED_ON
_API = "/api/v1"
_AM = "/alertmanager/api/v2"

ROUTES: dict[tuple[str, str], Access] = {
    ("GET", "/login"): _PUBLIC,
    ("POST", f"{_API}/login"): _PUBLIC,
    ("POST", f"{_API}/logout"): _READ,
    ("GET", f"{_API}/me"): _READ,
    ("POST", f"{_API}/ws-ticket"): _READ,
    ("WS", f"{_API}/ws"): _READ,
    ("GET", f"{_API}/stream"): _READ,
    ("GET", f"{_API}/openapi.json"): _READ,
    ("GET", f"{_API}/overview"): _READ,
    ("GET", f"{_API}/series"): _READ,
    ("GET", f"{_API}/series/{{series_id}}"): _READ,
    ("GET", f"{_API}/series/{{series_id}}/pattern"): _READ,
    ("GET", f"{_API}/series/{{series_id}}/explain"): _READ,
    ("GET", f"{_API}/series/{{series_id}}/season"): _READ,
    ("GET", f"{_API}/correlation"): _READ,
    ("GET", f"{_API}/facets"): _READ,
    ("GET", f"{_API}/range"): _READ,
    **{("GET", f"{_API}/range/picture.{form}"): _READ for form in ("png", "svg")},
    ("GET", f"{_API}/pictures/{{token}}"): Door.SIGNED,
    ("GET", f"{_API}/episodes"): _READ,
    ("GET", f"{_API}/incidents"): _READ,
    ("GET", f"{_API}/incidents/{{incident_id}}"): _READ,
    ("GET", f"{_API}/edges"): _READ,
    ("GET", f"{_API}/changes"): _READ,
    ("GET", f"{_API}/causes/accuracy"): _READ,
    ("GET", f"{_API}/whatif"): _READ,
    ("GET", f"{_API}/forecasts"): _READ,
    ("GET", f"{_API}/forecasts/past"): _READ,
    ("GET", f"{_API}/forecasts/growth"): _READ,
    ("GET", f"{_API}/risks"): _READ,
    ("GET", f"{_API}/alerts"): _READ,
    **{("GET", f"{_API}/alerts/{name}"): _READ for name in ("state", "groups", "rules", "silences", "maintenance", "oncall")},
    **{
        ("POST", f"{_API}/alerts/{name}"): _OPERATE
        for name in ("check", "route", "why-not", "replay", "tuning", "silences/preview", "oncall/preview")
    },
    **{("POST", f"{_API}/alerts/channels/{name}"): _ADMIN for name in ("test", "preview")},
    ("GET", f"{_API}/deliveries"): _READ,
    ("GET", f"{_API}/annotations"): _READ,
    ("POST", f"{_API}/annotations"): _OPERATE,
    ("GET", f"{_API}/annotations/{{annotation_id}}"): _READ,
    ("PATCH", f"{_API}/annotations/{{annotation_id}}"): _OPERATE,
    ("DELETE", f"{_API}/annotations/{{annotation_id}}"): _OPERATE,
    ("GET", f"{_API}/changed"): _READ,
    ("POST", f"{_API}/feedback"): _OPERATE,
    ("GET", f"{_API}/config/{{kind}}"): _READ,
    ("GET", f"{_API}/config/{{kind}}/{{object_id}}"): _READ,
    ("GET", f"{_API}/config/{{kind}}/{{object_id}}/versions"): _READ,
    ("PUT", f"{_API}/config/{{kind}}/{{object_id}}"): _OPERATE,
    ("DELETE", f"{_API}/config/{{kind}}/{{object_id}}"): _OPERATE,
    ("POST", f"{_API}/config/{{kind}}/{{object_id}}/restore"): _OPERATE,
    ("POST", f"{_API}/tokens"): _ADMIN,
    ("GET", f"{_API}/audit"): _ADMIN,
    ("GET", f"{_API}/audit/verify"): _ADMIN,
    ("POST", f"{_API}/shares"): _OPERATE,
    ("GET", f"{_API}/shares"): _OPERATE,
    ("DELETE", f"{_API}/shares/{{share_id}}"): _OPERATE,
    ("GET", f"{_API}/shared/{{token}}"): _PUBLIC,
    ("GET", f"{_API}/health"): _READ,
    ("GET", f"{_API}/stats"): _READ,
    ("GET", f"{_API}/dead_letters"): _ADMIN,
    ("POST", f"{_API}/dead_letters/replay"): _ADMIN,
    ("GET", f"{_API}/queries/slow"): _ADMIN,
    ("POST", f"{_API}/queries/explain"): _ADMIN,
    **{("POST", f"{_API}/queries/{name}"): _ADMIN for name in ("advise", "apply", "rollback")},
    **{("GET", f"{_API}/queries/{name}"): _ADMIN for name in ("applied", "logs", "scheduled")},
    ("GET", f"{_API}/connect"): _READ,
    ("GET", f"{_API}/connect/arrivals"): _READ,
    ("POST", f"{_API}/metrics"): _PASSED,
    ("POST", f"{_API}/events"): _PASSED,
    ("POST", f"{_API}/write"): _PASSED,
    ("POST", "/v1/metrics"): _PASSED,
    ("POST", "/v1/traces"): _PASSED,
    ("POST", "/v1/logs"): _PASSED,
    ("POST", "/api/v2/write"): _PASSED,
    ("POST", "/write"): _PASSED,
    ("POST", "/api/v2/alerts"): _PASSED,
    ("POST", "/v2/enqueue"): _PASSED,
    ("POST", f"{_API}/hooks/pagerduty/{{tenant}}/{{channel}}"): Door.SIGNED,
    ("GET", f"{_AM}/status"): _READ,
    ("GET", f"{_AM}/receivers"): _READ,
    ("GET", f"{_AM}/alerts"): _READ,
    ("GET", f"{_AM}/alerts/groups"): _READ,
    ("GET", f"{_AM}/silences"): _READ,
    ("POST", f"{_AM}/silences"): _OPERATE,
    ("GET", f"{_AM}/silence/{{silence_id}}"): _READ,
    ("DELETE", f"{_AM}/silence/{{silence_id}}"): _OPERATE,
    ("GET", "/{path:path}"): _PUBLIC,
}

SHARED_ROUTES = frozenset({("GET", f"{_API}/range")})
"""Routes that also take a share link's token; they must look at ``Principal.only``."""

ADMIN_KINDS = frozenset({
    "user", "key", "tenant", "channel", "rule", "slo", "calendar", "schedule", "scoring", "promise", "limit", "route", "escalation",
    "inhibition", "budget", "query",
})  # fmt: skip
"""Configuration that only an administrator writes."""
HIDDEN_KINDS = frozenset({"user", "key", "tenant"})
"""Configuration that only an administrator reads."""
KINDS = ADMIN_KINDS | {"silence", "maintenance", "dashboard", "view", "sensitivity", "annotation"}


def may(scopes: frozenset[Scope], access: Access) -> bool:
    """Whether these scopes open a route.

    >>> may(ROLES["viewer"], Scope.OPERATE)
    False
    """
    return isinstance(access, Door) or access in scopes


def scope_to_read(kind: str) -> Scope:
    """Scope that reading configuration of this kind needs."""
    return Scope.ADMIN if kind in HIDDEN_KINDS else Scope.READ


def scope_to_write(kind: str) -> Scope:
    """Scope that changing configuration of this kind needs."""
    return Scope.ADMIN if kind in ADMIN_KINDS else Scope.OPERATE
