"""Tokens of vb365-helper for requests, renewed once when the VB365 server refuses one.

    with Vb365Session("abc.onmicrosoft.com") as vb365:
        print(vb365.get("/v8/Organization", timeout=30).json()["name"])

The rule: a token goes to the server that the helper names with it and nowhere else; it is kept in no
variable beyond its request, and stands in no argument, log or error. Python 3.9 and later.
"""

from __future__ import annotations

import json
import logging
import subprocess
from typing import Any, Mapping, Optional
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import UnrewindableBodyError
from requests.utils import rewind_body

log = logging.getLogger("vb365")


class HelperError(Exception):
    """The helper gave no token, or one that must not go where it was wanted.

    ``kind`` and ``exit_code`` are those of the helper's README; ``exit_code`` is None where it never
    ended by itself. ``hint`` is a command for a person, ``retry_after`` a number of seconds.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        hint: Optional[str] = None,
        exit_code: Optional[int] = None,
        retry_after: Optional[int] = None,
    ) -> None:
        super().__init__(f"{message}; hint: {hint}" if hint else message)
        self.kind, self.message, self.hint = kind, message, hint
        self.exit_code, self.retry_after = exit_code, retry_after


class Vb365Auth(AuthBase):
    """Signs requests to a tenant's VB365 server. It has no state, so any number of threads may share it.

    Each request asks the helper, whose cache answers in milliseconds. Nobody is ever asked to sign in:
    the error's hint says how. ``limit`` bounds a call of the helper, in seconds.
    """

    def __init__(
        self, tenant: str, *, server: Optional[str] = None, helper: str = "vb365-helper", limit: float = 20
    ) -> None:
        self.tenant, self.server, self.helper, self.limit = tenant, server, helper, limit

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._sign(request, self.ask())
        request.register_hook("response", self._renew)
        return request

    def ask(self, refused: Optional[str] = None) -> Mapping[str, str]:
        """The helper's answer, with ``server`` and ``access_token``; another token than ``refused``."""
        wanted = {"version": 1, "tenant": self.tenant, "interactive": "never"}
        wanted.update({k: v for k, v in (("server", self.server), ("refused_token", refused)) if v})
        failed = None
        try:
            done = subprocess.run(
                [self.helper, "get", "--protocol", "native"],
                input=json.dumps(wanted).encode(),
                capture_output=True,
                timeout=self.limit,
            )
        except OSError as error:
            failed = HelperError("internal", f"{self.helper} cannot be started: {error.strerror}")
        except subprocess.TimeoutExpired:
            failed = HelperError("unavailable", f"{self.helper} gave no answer within {self.limit} s")
        if failed:  # Raised here, where what the helper had said by then is no part of it.
            raise failed
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = None
        answer = answer if isinstance(answer, dict) else {}
        if done.returncode == 0 and {"server", "access_token"} <= answer.keys():
            for warning in done.stderr.decode(errors="replace").splitlines():
                log.warning("%s", warning)
            return answer
        said = answer.get("error", {})
        message = said.get("message", f"{self.helper} gave no answer that can be read")
        kind, hint = said.get("kind", "internal"), said.get("hint")
        raise HelperError(kind, message, hint, done.returncode, said.get("retry_after"))

    @staticmethod
    def _sign(request: requests.PreparedRequest, answer: Mapping[str, str]) -> None:
        if _origin(request.url) != _origin(answer["server"]):
            raise HelperError("bad_request", f"the token is for {answer['server']} and for no other server")
        request.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def _renew(self, response: requests.Response, **kwargs: Any) -> requests.Response:
        """Hands a refused token back and repeats the request, once."""
        request = response.request
        # requests calls this for redirected requests too, and takes the header from those that leave the server.
        scheme, _, refused = request.headers.get("Authorization", "").partition(" ")
        if response.status_code != 401 or scheme != "Bearer":
            return response
        answer = self.ask(refused)
        again = request.copy()
        self._sign(again, answer)
        if not isinstance(again.body, (str, bytes, type(None))):
            try:
                rewind_body(again)
            except UnrewindableBodyError:
                # The next request has the new token.
                return response
        response.content  # Read to its end, the connection can be used again.
        response.close()
        # Not by the session, whose hooks would come here once more.
        repeated = response.connection.send(again, **kwargs)
        repeated.history.append(response)
        repeated.request = again
        return repeated


class Vb365Session(requests.Session):
    """A session with a tenant's VB365 server: ``get("/v8/Organization")`` is enough.

    ``ca_file`` names the roots to trust for the server instead of those of requests. ``pin_sha256`` is the
    SHA-256 of its certificate, trusted instead of chain and name, as in the helper's configuration.
    """

    def __init__(
        self, tenant: str, *, ca_file: Optional[str] = None, pin_sha256: Optional[str] = None, **helper: Any
    ) -> None:
        super().__init__()
        self.auth = Vb365Auth(tenant, **helper)
        self.server = self.auth.ask()["server"]
        self.mount(f"{self.server}/", _Trust(ca_file, pin_sha256))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        return super().request(method, urljoin(f"{self.server}/", url), *args, **kwargs)


class _Trust(HTTPAdapter):
    """Whom to believe to be the server, whatever REQUESTS_CA_BUNDLE says for others."""

    def __init__(self, ca_file: Optional[str], pin_sha256: Optional[str]) -> None:
        self._ca_file = ca_file
        self._pin: Mapping[str, Any] = {"assert_fingerprint": pin_sha256} if pin_sha256 else {}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **{**kwargs, **self._pin})

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        return super().proxy_manager_for(proxy, **kwargs, **self._pin)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if self._pin:
            kwargs["verify"] = False  # Chain and name: the pin is checked before anything is sent.
        elif self._ca_file:
            kwargs["verify"] = self._ca_file
        return super().send(request, *args, **kwargs)


def _origin(url: Optional[str]) -> tuple[str, Optional[str], Optional[int]]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
