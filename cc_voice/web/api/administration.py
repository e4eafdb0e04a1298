"""Administration over the API: how the appliance is, queues, models, the configuration in force. The functions of the pages."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from litestar import get
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException

from cc_voice.config import policies as files
from cc_voice.config.policies import PolicyError
from cc_voice.query import administration
from cc_voice.query.administration import ConfigurationLine, Overview, QueuePolicies
from cc_voice.query.model_lines import ModelLine, lines_of
from cc_voice.speech.errors import ModelError
from cc_voice.web.access.authentication import VisitorRequest
from cc_voice.web.appliance import Appliance

T = TypeVar("T")


@get("/overview", summary="Return how the appliance is")
async def overview(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> Overview:
    """Return streams, workers, lag, inbox, disk in days, scheduled exports and the age of the backup."""
    running = await appliance.running()
    appliance.note_down(request, "view", "administration")
    return await asyncio.to_thread(administration.overview, appliance.database, appliance.settings, running, appliance.now())


@get("/queues", summary="List queues")
async def list_queues(appliance: NamedDependency[Appliance]) -> list[QueuePolicies]:
    """List the queues that calls came through or that a policy names, with what holds for calls that begin now."""
    return await _read(lambda: administration.queue_policies(appliance.database, appliance.settings))


@get("/models", summary="List speech models")
async def list_models(appliance: NamedDependency[Appliance]) -> list[ModelLine]:
    """List the speech models that are installed and those that could be, and which languages each serves."""
    return await _read(lambda: lines_of(files.in_force(appliance.settings)))


@get("/configuration", summary="Return the configuration")
async def configuration(request: VisitorRequest, appliance: NamedDependency[Appliance]) -> list[ConfigurationLine]:
    """Return every key of the configuration as it is in force, and where it is from. Secrets are hidden."""
    appliance.note_down(request, "view", "configuration")
    return await _read(lambda: administration.configuration(appliance.settings))


async def _read(work: Callable[[], T]) -> T:
    """Read in a thread. Raises HTTPException 503 where what is in force cannot be read, as after a downgrade."""
    try:
        return await asyncio.to_thread(work)
    except (ModelError, PolicyError) as error:
        raise HTTPException(str(error), status_code=503) from error
