"""What kubelet and Prometheus ask, in plain HTTP."""

from aiohttp import web

from curfew_operator.metrics import Metrics
from curfew_operator.sweep import Sweep

_STUCK_AFTER = 60.0
_BEHIND_AFTER = 30.0


async def serve(sweep: Sweep, metrics: Metrics, address: str, port: int) -> web.AppRunner:
    """Start serving; the caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        # Alive: it works, whether or not the cluster answers; a restart cures only itself.
        stuck = sweep.since_tried > _STUCK_AFTER
        return web.Response(text=f"last sweep: {_age(sweep)}\n", status=503 if stuck else 200)

    async def readyz(_: web.Request) -> web.Response:
        late = sweep.age is None or sweep.age > _BEHIND_AFTER
        if sweep.away or late:
            return web.Response(text=f"the cluster is not swept: {_age(sweep)}\n", status=503)
        return web.Response(text="ok\n")

    async def exposition(_: web.Request) -> web.Response:
        metrics.sweep_age.set(float("nan") if sweep.age is None else sweep.age)
        return web.Response(
            body=metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    app = web.Application()
    app.add_routes(
        [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", exposition)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port).start()
    return runner


def _age(sweep: Sweep) -> str:
    return "none so far" if sweep.age is None else f"{sweep.age:.0f} s ago"
