"""Reading a live cluster with the official client; only lists are asked for."""

from __future__ import annotations

import importlib
import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.doctor.build import cluster_from
from generator.doctor.cluster import Cluster
from generator.doctor.rights import RESOURCES, Resource
from generator.exits import UnusableInput

_PAGE = 500
"""Objects in one answer, as kubectl asks for them."""

_MAX_ANSWER = 128 * 1024 * 1024
_MAX_PAGES = 2000
_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Unreachable(UnusableInput):
    """The API server gives no usable answer now; it may, later."""


class _Forbidden(Exception):
    """The user has no right to this resource."""


class _Absent(Exception):
    """The API server does not know this resource."""


@dataclass(frozen=True, slots=True)
class Live:
    """A cluster whose API is asked, through a client of the official library."""

    api: Any
    timeout: float

    @property
    def source(self) -> str:
        """The server's address."""
        return _harmless_url(str(self.api.configuration.host))

    def snapshot(self) -> Cluster:
        """Return the cluster as it is now; what the user may not list is left out and named.

        Raises UnusableInput where the server is not reached, refuses the credentials, or lets
        the user list nothing at all.
        """
        objects: list[Mapping[str, Any]] = []
        unread, rights = [], []
        for resource in RESOURCES:
            try:
                objects += self._listed(resource)
            except _Forbidden:
                unread.append(resource.name)
                rights.append(resource.right)
            except _Absent:
                unread.append(resource.name)
        if len(unread) == len(RESOURCES):
            raise UnusableInput(
                f"{self.source}: your user has no right to list anything that the doctor reads. "
                "`kubespray-patchgen doctor --rbac` prints the role it needs."
            )
        return cluster_from(self.source, objects, int(time.time()), tuple(unread), tuple(rights))

    def nodes(self) -> Cluster:
        """Return the cluster with nothing but its nodes.

        Raises UnusableInput like `snapshot`, and where the user may not list nodes.
        """
        nodes = next(each for each in RESOURCES if each.name == "nodes")
        try:
            return cluster_from(self.source, self._listed(nodes), int(time.time()))
        except (_Forbidden, _Absent):
            raise UnusableInput(
                f"{self.source}: your user has no right to list nodes, so there is nothing to "
                "watch. `kubespray-patchgen doctor --rbac` prints the role it needs."
            ) from None

    def _listed(self, resource: Resource) -> list[Mapping[str, Any]]:
        for _ in range(2):
            try:
                return list(self._pages(resource))
            except _Expired:
                # The list took longer than the server keeps it.
                continue
        raise Unreachable(f"{self.source}: listing {resource.name} takes too long; try again.")

    def _pages(self, resource: Resource) -> Iterator[Mapping[str, Any]]:
        group, method = resource.call
        call = getattr(getattr(_module("kubernetes.client"), group)(self.api), method)
        options: dict[str, Any] = {"limit": _PAGE}
        if resource.name == "events":
            options["field_selector"] = "type=Warning"
        for _ in range(_MAX_PAGES):
            page = self._answer(call, options)
            items = page.get("items")
            for item in items if isinstance(items, list) else []:
                if isinstance(item, dict):
                    # The items of a list do not say their kind.
                    yield {**item, "kind": resource.kind}
            metadata = page.get("metadata")
            more = metadata.get("continue") if isinstance(metadata, dict) else None
            if not more or not isinstance(more, str):
                return
            options["_continue"] = more
        raise Unreachable(f"{self.source}: the list of {resource.name} has no end.")

    def _answer(self, call: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
        refused = _module("kubernetes.client.exceptions").ApiException
        broken = _module("urllib3.exceptions").HTTPError
        # Old clients ignore a single number with a fraction.
        limits = (self.timeout, self.timeout)
        try:
            with warnings.catch_warnings():
                # A kubeconfig that does without verification says so itself.
                warnings.simplefilter("ignore")
                response = call(_preload_content=False, _request_timeout=limits, **options)
                data = response.read(_MAX_ANSWER + 1) or b""
        except refused as error:
            raise self._refused(error.status) from None
        except (broken, OSError) as error:
            raise Unreachable(
                f"{self.source}: the API server is not reached ({_cause(error)}). "
                "Look whether it runs, and whether the kubeconfig means this cluster."
            ) from None
        if len(data) > _MAX_ANSWER:
            raise Unreachable(f"{self.source}: an answer is larger than 128 MiB.")
        status = getattr(response, "status", 200)
        if status != 200:
            raise self._refused(status)
        try:
            page = json.loads(data)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict):
            raise Unreachable(f"{self.source}: what answers there is no Kubernetes API server.")
        return page

    def _refused(self, status: int | None) -> Exception:
        if status == 403:
            return _Forbidden()
        if status == 404:
            return _Absent()
        if status == 410:
            return _Expired()
        if status == 401:
            return UnusableInput(
                f"{self.source}: the API server does not accept your credentials (401); they may "
                "have expired. Log in again or get a new kubeconfig."
            )
        if not status:
            return Unreachable(
                f"{self.source}: no secure connection to the API server; look at the "
                "certificate authority in the kubeconfig."
            )
        return Unreachable(f"{self.source}: the API server answers {status}; try again later.")


class _Expired(Exception):
    """The next page of a list is no longer kept."""


def connect(kubeconfig: Path | None, context: str | None, timeout: float) -> Live:
    """Return the cluster that a kubeconfig names.

    As with kubectl that is the one given, else KUBECONFIG's, else ~/.kube/config; in a pod with
    none of them its own cluster. Raises UnusableInput where there is none, it cannot be read, or
    the client is not installed.
    """
    try:
        client, config = _module("kubernetes.client"), _module("kubernetes.config")
    except ImportError:
        raise UnusableInput(
            "reading a live cluster needs the official client: "
            "`pip install 'kubespray-patchgen[cluster]'`. A saved dump needs none (--from)."
        ) from None
    configuration = client.Configuration()
    inside = kubeconfig is None and context is None and not _defaults() and _TOKEN.exists()
    files = _kubeconfigs(kubeconfig) if not inside else ""
    try:
        if inside:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(
                config_file=files,
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
    except Exception as error:
        # The client raises many sorts here, and their texts may quote what the file holds.
        if inside:
            raise UnusableInput(
                "the pod's own cluster cannot be used: its service account is not complete; name "
                "a kubeconfig with --kubeconfig."
            ) from None
        reason = _config_problem(error, context)
        raise UnusableInput(f"{files}: the kubeconfig cannot be used: {reason}.") from None
    configuration.retries = False
    return Live(client.ApiClient(configuration), timeout)


def _module(name: str) -> Any:
    """Return a module of the client, which is not installed everywhere."""
    return importlib.import_module(name)


def _kubeconfigs(kubeconfig: Path | None) -> str:
    """Return the files to read, as the variable KUBECONFIG joins them.

    The client reads that variable too, but only once in a process.
    """
    if kubeconfig is not None:
        # Raises OSError, which names the file.
        kubeconfig.open("rb").close()
        return str(kubeconfig)
    found = _defaults()
    if not found:
        named = os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise UnusableInput(
            f"there is no kubeconfig ({named}); name one with --kubeconfig, or a saved dump with "
            "--from."
        )
    return os.pathsep.join(found)


def _defaults() -> list[str]:
    """Return the files that there are of those that kubectl reads without being told."""
    said = os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = (Path(each).expanduser() for each in said.split(os.pathsep) if each)
    return [str(path) for path in paths if path.is_file()]


def _config_problem(error: Exception, context: str | None) -> str:
    text = str(error)
    if context is not None and "context" in text:
        return f"it has no context '{context}'"
    if "current-context" in text:
        return "it names no current context; choose one with --context"
    if "exec" in text:
        return "the program that gets the credentials failed"
    return "it is not a valid kubeconfig"


def _cause(error: BaseException) -> str:
    """Return in a few words why a connection failed."""
    text = f"{type(error).__name__} {error} {error.__cause__!r}"
    for pattern, words in (
        ("refused", "connection refused"),
        ("timed? ?out", "no answer in time"),
        ("getaddrinfo|resolve|name or service", "the host name is unknown"),
        ("certificate|ssl", "no secure connection; look at the certificate authority"),
        ("unreachable|no route", "no route to the host"),
    ):
        if re.search(pattern, text, re.IGNORECASE):
            return words
    return "the connection broke"


def _harmless_url(host: str) -> str:
    """Return an address without user and password."""
    return re.sub(r"//[^/@]*@", "//", host)
