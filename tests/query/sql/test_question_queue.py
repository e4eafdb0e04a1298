"""The queue of questions: one is answered, a few wait, the next is told so at once."""

import asyncio
import threading

import pytest

from cc_voice.query.sql import SqlBusy
from cc_voice.query.sql.question_queue import AT_ONCE, RETRY_S, WAITING, QuestionQueue
from tests.conftest import PATIENCE_S


async def test_a_few_wait_and_the_next_is_told_to_come_again() -> None:
    queue, go_on, running, most = QuestionQueue(), threading.Event(), [0], [0]

    def answer(number: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        go_on.wait(PATIENCE_S)
        running[0] -= 1
        return number

    asked = [asyncio.create_task(queue.run(answer, number)) for number in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(SqlBusy, match="repeat in") as busy:
        await queue.run(answer, -1)
    assert busy.value.retry_s == RETRY_S
    go_on.set()
    assert await asyncio.gather(*asked) == list(range(AT_ONCE + WAITING))
    assert most == [AT_ONCE]
    assert await queue.run(answer, 7) == 7


async def test_whoever_leaves_keeps_the_place_until_the_thread_is_free() -> None:
    queue, go_on = QuestionQueue(), threading.Event()
    asked = [asyncio.create_task(queue.run(go_on.wait, PATIENCE_S)) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    with pytest.raises(SqlBusy):
        await queue.run(lambda: None)
    go_on.set()
    while queue._taken:
        await asyncio.sleep(0.01)
    assert await queue.run(lambda: 1) == 1
