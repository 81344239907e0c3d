"""Secrets for clusters and tasks: references in specifications, and the calls of `dbutils.secrets`."""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from databricks_local.api.errors import ApiError
from databricks_local.jobs.specs import ClusterSpec
from databricks_local.runtime.dbutils.calls import OnCall, WorkspaceCallError
from databricks_local.runtime.dbutils.secret_values import Redactor
from databricks_local.secrets.store import SecretStore, secret_missing

CALLS = frozenset({"get_secret", "list_secrets", "list_scopes"})

_REFERENCE = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")


class UnresolvedSecretError(Exception):
    """Raised when a specification refers to an unknown secret."""


def resolve(spec: ClusterSpec, store: SecretStore, redactor: Redactor) -> ClusterSpec:
    """Replace references by values. A reference has to be the whole value (docs).

    Args:
        spec: The specification of a cluster.
        store: The secrets.
        redactor: Gets the values.

    Raises:
        UnresolvedSecretError: If there is no such secret.
    """
    return replace(
        spec,
        spark_conf=_resolved(spec.spark_conf, store, redactor),
        spark_env_vars=_resolved(spec.spark_env_vars, store, redactor),
    )


def _resolved(values: Mapping[str, str], store: SecretStore, redactor: Redactor) -> dict[str, str]:
    resolved = dict(values)
    for name, value in values.items():
        reference = _REFERENCE.fullmatch(value.strip())
        if reference is None:
            continue
        try:
            secret = store.get(reference[1], reference[2])
        except ApiError as error:
            raise UnresolvedSecretError(secret_missing(reference[1], reference[2]).message) from error
        resolved[name] = secret.decode("utf-8", "replace").replace("\0", "")
        redactor.add(resolved[name])
    return resolved


def with_secrets(on_call: OnCall, store: SecretStore, redactor: Redactor) -> OnCall:
    """Answer the calls about secrets, and pass on the rest.

    Args:
        on_call: Answers the rest.
        store: The secrets.
        redactor: Gets the values that the task reads.
    """

    async def answer_all(name: str, arguments: dict[str, Any]) -> Any:
        if name not in CALLS:
            return await on_call(name, arguments)
        told = _answer(name, arguments, store)
        if name == "get_secret":
            redactor.add(base64.b64decode(told).decode("utf-8", "replace"))
        return told

    return answer_all


def _answer(name: str, arguments: Mapping[str, Any], store: SecretStore) -> Any:
    """Answer what a notebook asks for.

    Raises:
        WorkspaceCallError: If there is no such scope or secret.
    """
    scope, key = str(arguments.get("scope", "")), str(arguments.get("key", ""))
    try:
        if name == "list_scopes":
            return store.scopes()
        if name == "list_secrets":
            return [secret.key for secret in store.metadata(scope)]
        return base64.b64encode(store.get(scope, key)).decode()
    except ApiError as error:
        # Source of the words, for a scope that is missing, too: terraform-provider-databricks, mounts.
        missing = secret_missing(scope, key) if name == "get_secret" else error
        raise WorkspaceCallError(missing.message) from error
