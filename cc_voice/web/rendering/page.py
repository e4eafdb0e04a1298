"""Page: from a view to HTML, Jinja with escaping on, missing names an error, and the shell every page shares."""

import functools
import hashlib
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from litestar import Response
from litestar.enums import MediaType

from cc_voice.quality.alerts.reasons import TITLES
from cc_voice.web.access.accounts import Visitor
from cc_voice.web.access.authentication import Connection
from cc_voice.web.access.permissions import ROUTES
from cc_voice.web.rendering import formats

HERE = Path(__file__).parents[1] / "pages"
STATIC = HERE / "static"
RAIL = (
    ("live", "/live", "Live"),
    ("calls", "/calls", "Calls"),
    ("search", "/search", "Search"),
    ("reports", "/reports", "Reports"),
    ("admin", "/admin/overview", "Admin"),
    ("audit", "/admin/audit", "Audit"),
)


SECTIONS = (
    ("overview", "/admin/overview", "Overview"),
    ("queues", "/admin/queues", "Queues and policies"),
    ("models", "/admin/models", "Models and languages"),
    ("users", "/admin/users", "Users and roles"),
    ("exports", "/admin/exports", "Exports"),
    ("audit", "/admin/audit", "Audit log"),
    ("system", "/admin/system", "System"),
)
"""Of administration."""


class Shell(msgspec.Struct, frozen=True, kw_only=True):
    """What surrounds a page: who looks, where in the rail, in which colours."""

    title: str
    current: str
    section: str
    site: str
    visitor: Visitor | None

    @property
    def theme(self) -> str | None:
        return self.visitor.theme if self.visitor else None

    @property
    def items(self) -> tuple[tuple[str, str, str], ...]:
        """The rail: name, address, label of what the visitor may use. What they may not is absent, not disabled."""
        return tuple(item for item in RAIL if ROUTES[("GET", item[1])].lets(self.visitor))

    @property
    def sections(self) -> tuple[tuple[str, str, str], ...]:
        """The pages of administration that the visitor may see."""
        return tuple(item for item in SECTIONS if ROUTES[("GET", item[1])].lets(self.visitor))

    @property
    def may_search(self) -> bool:
        return ROUTES[("GET", "/search")].lets(self.visitor)

    @property
    def initials(self) -> str:
        return self.visitor.account[:2].upper() if self.visitor else ""


@functools.cache
def static_path() -> str:
    """Return where static files are served: the path names their content, so that browsers may keep them for ever."""
    content = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        content.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"/static/{content.hexdigest()[:12]}"


@functools.cache
def environment() -> jinja2.Environment:
    """Return the templates, all read, with the words of the interface as filters. The first call reads files."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # a look at the file for every page would be one in the event loop
    )
    env.globals["static"] = lambda name: f"{static_path()}/{name}"
    env.filters |= {
        "clock": formats.clock,
        "seconds": formats.seconds,
        "number": formats.number,
        "percent": formats.percent,
        "product": formats.product,
        "cell": formats.cell,
        "alert_title": TITLES.__getitem__,
    }
    for name in env.list_templates():
        env.get_template(name)
    return env


def page(
    connection: Connection, template: str, *, title: str, view: Any, current: str = "", section: str = "", status: int = 200
) -> Response[str]:
    """Return a page; the template gets `shell` and `view`."""
    site = connection.app.state.appliance.settings.site_name
    shell = Shell(title=title, current=current, section=section, site=site, visitor=connection.scope.get("user"))
    html = environment().get_template(template).render(shell=shell, view=view)
    return Response(html, status_code=status, media_type=MediaType.HTML)


def fragment(template: str, macro: str, *arguments: Any) -> str:
    """Return a part of a page: what a macro of a template makes of its arguments."""
    module = environment().get_template(template).module
    made: str = getattr(module, macro)(*arguments)
    return str(made)
