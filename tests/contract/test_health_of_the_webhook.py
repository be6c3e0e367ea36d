"""What kubelet and Prometheus are told."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from curfew.admission.grants import Unreadable
from curfew_kube.watching import Synced
from curfew_webhook.app import health
from curfew_webhook.freshness import Freshness
from curfew_webhook.metrics import Metrics
from curfew_webhook.readiness import Readiness
from curfew_webhook.roles import RoleCache
from tests.contract.reviewing import (
    EVERYTHING,
    READ_PODS,
    Book,
    Site,
    becomes,
    binding,
    on_site,
    resolved,
    review,
    served,
)

Get = Callable[[str], Awaitable[tuple[int, str]]]


def asked(
    metrics: Metrics, faults: Callable[[], list[str]], scenario: Callable[[Get], Awaitable[None]]
) -> None:
    """Run a scenario against the app of the other port."""

    async def run() -> None:
        async with (
            served(health(metrics, faults)) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):

            async def get(path: str) -> tuple[int, str]:
                async with session.get(path) as answer:
                    return answer.status, await answer.text()

            await scenario(get)

    asyncio.run(run())


def test_a_webhook_with_faults_is_alive_and_not_ready_and_says_why() -> None:
    faults = ["stopping", "the cache of roles is not up to date"]

    async def scenario(get: Get) -> None:
        assert await get("/healthz") == (200, "ok\n")
        assert await get("/readyz") == (503, "stopping\nthe cache of roles is not up to date\n")
        faults.clear()
        assert await get("/readyz") == (200, "ok\n")
        faults.append("the serving certificate ended")
        assert await get("/readyz") == (503, "the serving certificate ended\n")

    asked(Metrics(), lambda: faults, scenario)


def test_a_webhook_that_reaches_itself_through_tls_is_ready() -> None:
    async def scenario(site: Site) -> None:
        freshness = Freshness(("roles", "clusterroles"), site.metrics)
        roles = RoleCache(site.api.client(), freshness, site.metrics)
        for plural in ("roles", "clusterroles"):
            roles.take(plural, Synced(0))
        readiness = Readiness(freshness, site.certificate, site.metrics, "127.0.0.1", site.port)
        assert readiness.faults() == ["no call to ourselves was tried yet"]
        watching = asyncio.create_task(readiness.watch())
        await becomes(lambda: not readiness.faults() or watching.done())
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert readiness.faults() == []

    on_site(Book(), scenario)


def metrics_after_reviews() -> Metrics:
    book = Book(
        secretive=resolved(READ_PODS),
        alias=resolved(EVERYTHING),
        away=Unreadable("away"),
        broken=RuntimeError("broken"),
    )

    async def scenario(site: Site) -> None:
        for role in ("secretive", "secretive", "missing", "alias", "away", "broken"):
            await site.ask(review(binding(role, "carol.confidential")))
        await site.ask(review(binding(), operation="DELETE"))
        await site.send(b"no review")

    return on_site(book, scenario).metrics


def test_the_metrics_count_what_became_of_each_review() -> None:
    metrics = metrics_after_reviews()
    found: dict[str, float] = {}

    async def scenario(get: Get) -> None:
        status, text = await get("/metrics")
        assert status == 200
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name + "".join(sample.labels.values())] = sample.value

    asked(metrics, list, scenario)
    counted = {
        verdict: found[f"curfew_admission_reviews_total{verdict}"]
        for verdict in ("admitted", "refused", "undecided", "crashed")
    }
    assert counted == {"admitted": 4, "refused": 1, "undecided": 1, "crashed": 1}
    assert found["curfew_admission_duration_seconds_count"] == 7


def test_the_metrics_name_no_user_no_object_and_no_namespace() -> None:
    async def scenario(get: Get) -> None:
        _, text = await get("/metrics")
        assert "curfew_admission_reviews_total" in text
        for name in ("confidential", "secretive", "alias", "payments", "ops", "705ab4f5"):
            assert name not in text

    asked(metrics_after_reviews(), list, scenario)
