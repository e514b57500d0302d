"""Which tools were called, and how often a call went wrong."""

from collections import Counter
from collections.abc import Iterable

from agentflow.types import Status, Trajectory

NO_CALL = (Status.PLAN_ERROR, Status.UNKNOWN_TOOL, Status.CUT_OFF)
WRONG_CALL = (Status.UNKNOWN_TOOL, Status.ARGUMENTS_ERROR, Status.TOOL_ERROR, Status.TOOL_TIMEOUT)


def tool_shares(trajectories: Iterable[Trajectory]) -> dict[str, float]:
    """Each tool's share of all calls of a tool that there is, the most used first."""
    calls = Counter(
        turn.action.tool
        for trajectory in trajectories
        for turn in trajectory.turns
        if turn.action and turn.status not in NO_CALL
    )
    return {tool: count / calls.total() for tool, count in calls.most_common()}


def calling_error_rate(trajectories: Iterable[Trajectory]) -> float | None:
    """The share of attempted calls that went wrong; None where no call was attempted.

    A call is attempted in every turn whose plan names a tool. It went wrong if there is no such tool, if the arguments
    could not be read or do not fit the tool's schema, if the tool said no (a program that fails is that), or if it gave
    no answer in time. Errors of the world are none of these: they end the solve. The paper plots such a rate without
    saying what counts, so ours is not that one.
    """
    statuses: Counter[Status] = Counter(
        turn.status
        for trajectory in trajectories
        for turn in trajectory.turns
        if turn.status not in (Status.PLAN_ERROR, Status.CUT_OFF)
    )
    if not statuses:
        return None
    return sum(statuses[status] for status in WRONG_CALL) / statuses.total()
