"""Health: does it run, may it be asked, what has it counted."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from features import catalog
from serving.problems import RETRY_AFTER, documented, problem
from serving.schemas import LiveResponse, ReadyResponse
from serving.services import Given

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Tell whether the process runs")
async def alive() -> LiveResponse:
    """Answer as long as the process runs."""
    return LiveResponse(alive=True)


@router.get(
    "/readyz", summary="Tell whether it can decide", response_model=ReadyResponse, responses=documented(503)
)
async def ready(services: Given) -> ReadyResponse | Response:
    """Answer 200 once Redis answers and model and features are loaded and warm.

    Without a churn model the API is ready, and says that its decisions are degraded.
    """
    now = services.clock()
    missing = services.warmth.missing(now)
    if missing:
        detail = "; ".join(f"{part}: {what}" for part, what in missing.items())
        return problem(503, detail, headers=RETRY_AFTER, missing=list(missing))
    return ReadyResponse(
        ready=True,
        catalog=catalog.VERSION,
        model=services.decider.model_version(now),
        degraded=list(services.decider.model_faults(now)),
    )


@router.get("/metrics", summary="Give the metrics", response_class=Response)
async def metrics(services: Given) -> Response:
    """Give the metrics in Prometheus' text format."""
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)
