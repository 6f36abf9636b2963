"""The browsers' HTTP: the page, and the calls that it opens."""

from starlette.applications import Starlette

from pipeline.core.clock import Clock
from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.limits import Limiter
from pipeline.entrances.webrtc.signalling import cross_origin, routes
from pipeline.settings import Rtc


def web_app(calls: RtcCalls, settings: Rtc, clock: Clock) -> Starlette:
    """Return the application."""
    limiter = Limiter(settings.offers_burst, settings.offers_per_minute, clock)
    return Starlette(routes=routes(calls, limiter), middleware=[cross_origin(settings)])
