"""A cached token by MSAL, from a file with a lock, as a small tool would have it.

`silent.py FILE keep` keeps a token made up for this; `silent.py FILE` prints it. MSAL asks every authority for its
endpoints first; here that is answered without a network, in MSAL's favour.
"""

import json
import sys

import msal
from msal_extensions import FilePersistence, PersistedTokenCache

CLIENT = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
HOST = "login.microsoftonline.com"
AUTHORITY = f"https://{HOST}/abc.onmicrosoft.com"
SCOPE = "https://graph.microsoft.com/User.Read"


class Offline:
    """An HTTP client whose only answer is the endpoints."""

    status_code = 200
    headers = {}
    text = json.dumps(
        {
            "authorization_endpoint": f"{AUTHORITY}/oauth2/v2.0/authorize",
            "issuer": f"{AUTHORITY}/v2.0",
            "token_endpoint": f"{AUTHORITY}/oauth2/v2.0/token",
        }
    )

    def get(self, url, **_):
        assert url.endswith("/.well-known/openid-configuration"), url
        return self


def keep(cache):
    response = {
        "token_type": "Bearer",
        "scope": SCOPE,
        "expires_in": 3600,
        "access_token": "canary-msal-access" * 80,
        "refresh_token": "canary-msal-refresh" * 50,
        "client_info": "eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ",
    }
    endpoint = f"{AUTHORITY}/oauth2/v2.0/token"
    cache.add(
        {"client_id": CLIENT, "scope": [SCOPE], "token_endpoint": endpoint, "environment": HOST, "response": response}
    )


def silent(cache):
    app = msal.PublicClientApplication(
        CLIENT, authority=AUTHORITY, token_cache=cache, instance_discovery=False, http_client=Offline()
    )
    print(app.acquire_token_silent([SCOPE], account=app.get_accounts()[0])["access_token"])


cache = PersistedTokenCache(FilePersistence(sys.argv[1]))
keep(cache) if "keep" in sys.argv else silent(cache)
