"""Attackers: a process that asks what a stranger and twelve analysts could ask at once, while others measure.

Strangers post forms of nine megabytes to `/login`, one after the other on a few connections. Analysts ask for a SELECT that takes
the seconds it may take, all at once and again as soon as they are answered or sent away.
"""

import asyncio
import contextlib
import multiprocessing
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from multiprocessing.connection import Connection

import httpx
import msgspec

FORM_BYTES = 9_500_000
STRANGERS, ANALYSTS = 4, 12
TIMEOUT_S = 120.0
PAUSE_S = 0.05
"""Between two requests of one attacker: what is measured is the service, not the attacker's share of the cores."""
NICE = 5
SELECT = "select count(*) from v_word a join v_word b on a.word = b.word"


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to attack: the service's address, and its socket for commands."""

    address: str
    owner_socket: str


class Repelled(msgspec.Struct, frozen=True, kw_only=True):
    """What attackers were answered: status → how often; 0 where the connection was closed on them."""

    logins: dict[str, int]
    questions: dict[str, int]


REPELLED: "msgspec.msgpack.Decoder[Repelled]" = msgspec.msgpack.Decoder(Repelled)


@contextlib.contextmanager
def attacking(attack: Attack | None) -> Iterator[Callable[[], Repelled | None]]:
    """Attack from a process of its own; what is yielded ends that and returns what was answered. Without an attack, nothing."""
    if attack is None:
        yield lambda: None
        return
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, attack), name="cc-voice bench attacker", daemon=True)
    process.start()
    theirs.close()

    def end() -> Repelled:
        ours.send_bytes(b"end")
        return REPELLED.decode(ours.recv_bytes())

    try:
        yield end
    finally:
        ours.close()
        process.terminate()
        process.join()


def _run(pipe: Connection, attack: Attack) -> None:
    os.nice(NICE)
    pipe.send_bytes(msgspec.msgpack.encode(asyncio.run(_attack(pipe, attack))))


async def _attack(pipe: Connection, attack: Attack) -> Repelled:
    logins: Counter[str] = Counter()
    questions: Counter[str] = Counter()
    form = b"name=rosa&password=" + bytes(FORM_BYTES).replace(b"\0", b"x")
    heads = {"content-type": "application/x-www-form-urlencoded"}
    question = {"command": "sql", "arguments": {"text": SELECT, "format": "json"}}
    transport = httpx.AsyncHTTPTransport(uds=attack.owner_socket)
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S) as stranger,
        httpx.AsyncClient(transport=transport, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=ANALYSTS)) as analyst,
        asyncio.TaskGroup() as tasks,
    ):

        def sign_in() -> Awaitable[httpx.Response]:
            return stranger.post(f"{attack.address}/login", content=form, headers=heads)

        def ask() -> Awaitable[httpx.Response]:
            return analyst.post("http://owner/owner/command", json=question)

        over = asyncio.Event()
        for _ in range(STRANGERS):
            tasks.create_task(_repeat(sign_in, logins, over))
        for _ in range(ANALYSTS):
            tasks.create_task(_repeat(ask, questions, over))
        await asyncio.to_thread(pipe.recv_bytes)
        over.set()
    return Repelled(logins=dict(logins), questions=dict(questions))


async def _repeat(request: Callable[[], Awaitable[httpx.Response]], answers: Counter[str], over: asyncio.Event) -> None:
    """Ask again and again; what was asked before it was over is waited for, so that everybody was answered once."""
    while not over.is_set():
        try:
            answers[str((await request()).status_code)] += 1
        except httpx.HTTPError:
            answers["0"] += 1
        await asyncio.sleep(PAUSE_S)
