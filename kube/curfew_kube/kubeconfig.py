"""A kubeconfig, read by the `kubernetes` package, which knows its many ways (exec plugins, OIDC).

Plugins may take seconds and may ask a person, so all of it happens in a thread. What the package
found out is kept until the server refuses it or a minute has passed, whichever is first: client
certificates and token files rotate as well.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from kubernetes import client, config
from kubernetes.client.rest import should_bypass_proxies
from kubernetes.config import kube_config

from curfew_kube.credentials import Credentials
from curfew_kube.errors import CredentialFault

_KEPT_SECONDS = 60.0


class Kubeconfig:
    """The credentials of one context (None: the current one) of a kubeconfig file.

    `path` None: `$KUBECONFIG` (which may name several files) or `~/.kube/config`, as kubectl.
    """

    def __init__(
        self,
        path: Path | None = None,
        context: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._context = context
        self._clock = clock
        self._kept: tuple[float, Credentials] | None = None
        self._lock = asyncio.Lock()

    async def current(self, *, refused: Credentials | None = None) -> Credentials:
        """Return the credentials; raises CredentialFault with the file and the plugin's words."""
        async with self._lock:
            kept = self._kept
            # Of many calls that were refused at once, the first reloads for all.
            if kept is None or kept[1] is refused or self._clock() - kept[0] > _KEPT_SECONDS:
                found = await asyncio.to_thread(self._load)
                kept = self._kept = (self._clock(), found)
            return kept[1]

    def _load(self) -> Credentials:
        where = str(self._path or "the kubeconfig")
        found = client.Configuration()
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call] # the package has no types
                config_file=None if self._path is None else str(self._path),
                context=self._context,
                client_configuration=found,
                persist_config=False,
            )
            self._refuse_impersonation(where)
            return _credentials(found, where)
        except CredentialFault:
            raise
        except Exception as error:  # the package raises whatever its parsers and plugins do
            raise CredentialFault(f"{where} cannot be used: {error}") from error

    async def namespace(self) -> str:
        """The context's namespace, `default` where it names none; raises CredentialFault."""
        return await asyncio.to_thread(self._namespace)

    def _namespace(self) -> str:
        try:
            name: str = self._settings()[0].get("namespace") or "default"
        except Exception as error:
            raise CredentialFault(f"the kubeconfig cannot be used: {error}") from error
        return name

    def _refuse_impersonation(self, where: str) -> None:
        """The package drops `as:`, so we would act as the person and not as whom they chose."""
        context, settings = self._settings()
        if wanted := [key for key in settings if key == "as" or key.startswith("as-")]:
            raise CredentialFault(
                f"{where}: user {context['user']} sets {wanted[0]} (impersonation), which is not"
                f" supported here; choose a context whose user is the identity itself"
            )

    def _settings(self) -> tuple[dict[str, str], dict[str, object]]:
        files = str(self._path) if self._path else kube_config.KUBE_CONFIG_DEFAULT_LOCATION
        merged = kube_config.KubeConfigMerger(files).config  # type: ignore[no-untyped-call] # untyped
        chosen = self._context or merged["current-context"]
        context = merged["contexts"].get_with_name(chosen)["context"].value
        user = merged["users"].get_with_name(context["user"])["user"].value or {}
        return context, user


def _credentials(found: client.Configuration, where: str) -> Credentials:
    if not found.host.startswith("https://"):
        raise CredentialFault(f"{where}: the server {found.host} is not https, so it is not used")
    if not found.verify_ssl:
        raise CredentialFault(
            f"{where}: insecure-skip-tls-verify is set; give certificate-authority-data instead"
        )
    tls = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        tls.load_cert_chain(found.cert_file, found.key_file)
    token = _token(found)
    if token is None and not found.cert_file:
        # The package only logs it when an exec plugin fails; without this we would be anonymous.
        raise CredentialFault(
            f"{where}: its user has neither a client certificate nor a token; does its exec plugin"
            f" work? Try: kubectl auth whoami"
        )
    return Credentials(
        server=found.host.rstrip("/"),
        tls=tls,
        trusted=f"the authority in {where}",
        token=token,
        server_name=found.tls_server_name,
        proxy=None if _reached_directly(found) else found.proxy,
    )


def _reached_directly(found: client.Configuration) -> bool:
    # The package heeds NO_PROXY only inside its own transport, which is not ours.
    return bool(should_bypass_proxies(found.host, found.no_proxy or ""))


def _token(found: client.Configuration) -> str | None:
    settings: dict[str, dict[str, str | None]] = found.auth_settings()  # type: ignore[assignment] # not typed so there
    for setting in settings.values():
        value = setting["value"] or ""
        if setting["key"] == "authorization" and value.startswith("Bearer "):
            return value.removeprefix("Bearer ")
    return None
