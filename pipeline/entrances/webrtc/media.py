"""Media: pictures over HTTP, for pages, and for a second device while the call is on the telephone."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipeline.core.errors import PipelineError
from pipeline.entrances.reception import Ground
from pipeline.entrances.uploads import told
from pipeline.entrances.webrtc.answers import content_type, refusal
from pipeline.entrances.wire_in import MIME_TYPES
from pipeline.entrances.wire_records import read_id


def media_route(ground: Ground) -> Route:
    """Return where pictures are taken: whoever knows a call's id may send one, as with feedback.

    A picture is shown to the call at once, unless ``attach=false``; the call's own client can show it later then.
    """

    async def media(request: Request) -> Response:
        if content_type(request) not in MIME_TYPES:
            accepted = ", ".join(MIME_TYPES)
            message = f"the body's type must be one of {accepted}"
            return refusal(415, "unsupported-type", message, {"Accept-Post": accepted})
        attach = request.query_params.get("attach", "true")
        if attach not in {"true", "false"}:
            return refusal(400, "invalid-value", "attach is neither true nor false")
        try:
            pictures = ground.switchboard.pictures(read_id(request.path_params["call"]))
            kept = await pictures.take(request.stream())
            if attach == "true":
                await pictures.attach(kept.media)
        except PipelineError as error:
            ground.metrics.pictures.refused.labels(error.code).inc()
            raise
        except ClientDisconnect:
            return refusal(400, "cut-short", "the picture did not come to its end")
        return JSONResponse(told(kept), 201)

    return Route("/v1/conversations/{call}/media", media, methods=["POST"])
