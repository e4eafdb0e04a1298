"""Policies over the API: what holds, its versions, what another text would change, and publishing one.

Publishing is compare-and-swap. Who read `digest` sends it as `seen`, who read the `ETag` sends it as `If-Match`; one of both has to
come, as otherwise of two people who change a policy at once the first would have changed nothing, and neither would know. A body's
`seen` that is no longer true is a conflict (409), a header's a failed precondition (412, RFC 9110); both come with the difference.
"""

import asyncio
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter

from cc_voice.config import policies as files
from cc_voice.config.policies import PolicyError, PolicyKind
from cc_voice.query import policies
from cc_voice.query.policies import PolicyChange, PolicyConflict, PolicyState
from cc_voice.store.policy_versions import PolicyVersion
from cc_voice.web import threshold_trial
from cc_voice.web.access.authentication import VisitorRequest, signed_in
from cc_voice.web.api.entity_tags import knows
from cc_voice.web.api.parameters import PageLimit
from cc_voice.web.api.problems import BadParameters, FieldProblem, PreconditionFailed
from cc_voice.web.appliance import Appliance
from cc_voice.web.threshold_trial import ThresholdTrial

BODY_BYTES = 4 * files.MOST_BYTES
"""A text in JSON: a character may be six, and hardly any is."""
ONE = {"statuses": (404,)}
PolicyName = Annotated[str, PathParameter(description=f"Which policy: {', '.join(files.KINDS)}.")]
VersionNumber = Annotated[int, PathParameter(ge=1, le=(1 << 31) - 1)]
Before = Annotated[int | None, QueryParameter(ge=1, le=(1 << 31) - 1)]
IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The `ETag` of the policy as it was read: publish only if it is still that."),
]


class PolicyText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text of a policy, to be tried."""

    text: str


class PolicyPublication(PolicyText, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to be put in force; `seen` is `digest` of the policy as it was read. It, or `If-Match`, has to be there."""

    seen: str | None = None


class PolicyVersionList(msgspec.Struct, frozen=True):
    """Published versions, the newest first, and the `before` of the next page; null at the end."""

    versions: list[PolicyVersion]
    next: int | None


@get("/policies", summary="List policies")
async def list_policies(appliance: NamedDependency[Appliance]) -> list[PolicyState]:
    """List what people decide while the service runs: languages, thresholds, claims; each with its text and where it is from."""
    return await asyncio.to_thread(policies.states, appliance.database, appliance.settings)


@get("/policies/{kind:str}", summary="Return a policy", opt=ONE)
async def show_policy(appliance: NamedDependency[Appliance], kind: PolicyName) -> Response[PolicyState]:
    """Return a policy as it is now; its `ETag` is for `If-Match`, its `digest` for `seen`."""
    return _tagged(await asyncio.to_thread(policies.state, appliance.database, appliance.settings, _kind(kind)))


@put(
    "/policies/{kind:str}",
    summary="Publish a policy",
    request_max_body_size=BODY_BYTES,
    opt={"statuses": (404, 409, 412, 428)},
)
async def publish_policy(
    request: VisitorRequest,
    appliance: NamedDependency[Appliance],
    kind: PolicyName,
    data: JSONBody[PolicyPublication],
    if_match: IfMatch = None,
) -> Response[PolicyState]:
    """Put a text in force for calls that begin from now on, in place of the one that was seen."""
    known, database, settings = _kind(kind), appliance.database, appliance.settings
    if if_match is None and data.seen is None:
        raise HTTPException(
            status_code=428,
            detail="say what this replaces: the policy's ETag in `If-Match`, or its `digest` in `seen`",
            extra=[{"message": "the digest that was read is missing", "key": "seen", "source": "body"}],
        )
    seen = data.seen
    if if_match is not None:
        now = await asyncio.to_thread(policies.state, database, settings, known)
        if not knows(if_match, _tag(now)):
            raise PreconditionFailed("the policy is not what `If-Match` names; read it again")
        seen = now.digest if seen is None else seen
    await appliance.write_down(request, "change", f"policy {known}", detail=data.text)
    change = PolicyChange(kind=known, text=data.text, seen=seen, actor=signed_in(request).account)
    try:
        await asyncio.to_thread(policies.publish, database, settings, change)
    except (policies.PolicyPinned, PolicyConflict):
        raise
    except PolicyError as error:
        raise BadParameters(FieldProblem("body", "text", str(error))) from error
    return _tagged(await asyncio.to_thread(policies.state, database, settings, known))


@post(
    "/policies/{kind:str}/trials",
    summary="Try a policy",
    status_code=200,
    request_max_body_size=BODY_BYTES,
    opt={"statuses": (404, 429)},
)
async def try_policy(
    request: VisitorRequest, appliance: NamedDependency[Appliance], kind: PolicyName, data: JSONBody[PolicyText]
) -> ThresholdTrial:
    """Check a text; for thresholds measure the newest calls in one's rows under it, and return what would change. Nothing does."""
    known = _kind(kind)
    try:
        candidate = await asyncio.to_thread(files.tried, appliance.settings, known, data.text.replace("\r\n", "\n"))
    except PolicyError as error:
        raise BadParameters(FieldProblem("body", "text", str(error))) from error
    if known != "thresholds":
        return ThresholdTrial(calls=0)
    stored = await appliance.read(request.user, threshold_trial.newest)
    return await appliance.trials.run(threshold_trial.trial, stored, candidate)


@get("/policies/{kind:str}/versions", summary="List versions of a policy", opt=ONE)
async def list_versions(
    appliance: NamedDependency[Appliance], kind: PolicyName, limit: PageLimit = 20, before: Before = None
) -> PolicyVersionList:
    """List what was published of a policy, by whom and when, the newest first."""
    found = await asyncio.to_thread(policies.history, appliance.database, _kind(kind))
    older = [each for each in found if before is None or each.version < before]
    return PolicyVersionList(older[:limit], older[limit - 1].version if len(older) > limit else None)


@get("/policies/{kind:str}/versions/{version:str}", summary="Return a version of a policy", opt=ONE)
async def show_version(appliance: NamedDependency[Appliance], kind: PolicyName, version: VersionNumber) -> PolicyVersion:
    """Return a published version: its text, and what was in force until then."""
    found = await asyncio.to_thread(policies.history, appliance.database, _kind(kind))
    one = next((each for each in found if each.version == version), None)
    if one is None:
        raise NotFoundException("there is no such version")
    return one


def _kind(name: str) -> PolicyKind:
    try:
        return files.kind_of(name)
    except PolicyError as error:
        raise NotFoundException(f"there is no such policy; there are: {', '.join(files.KINDS)}") from error


def _tag(state: PolicyState) -> str:
    """Return the entity tag: of the working copy, and of what is in force where it is something else."""
    return f'"{state.source}-{state.digest}"'


def _tagged(state: PolicyState) -> Response[PolicyState]:
    return Response(state, headers={"etag": _tag(state)})
