"""A call to the Bot API without the layers of PTB's own methods, for those made thousands of times an hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telegram import Bot
from telegram._utils.types import ODVInput
from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter


async def call(
    bot: Bot, method: str, parameters: Mapping[str, Any], pool_timeout: ODVInput[float] = BaseRequest.DEFAULT_NONE
) -> Any:
    """The result of a call whose parameters are JSON, without files (None: not given); PTB's errors."""
    given = [RequestParameter(name, value, None) for name, value in parameters.items()]
    return await bot.request.post(f"{bot.base_url}/{method}", RequestData(given), pool_timeout=pool_timeout)
