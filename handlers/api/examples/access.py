"""Lists the connections that work, and reads an access token of each."""

import json
import os
import urllib.error
import urllib.request


def get(path):
    """Reads an answer of the API. Errors are problems (RFC 9457)."""
    request = urllib.request.Request(
        os.environ["FIELDBRIDGE_URL"] + path,
        headers={"Authorization": "Bearer " + os.environ["FIELDBRIDGE_KEY"]},
    )
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        raise SystemExit(f"{problem['type']}: {problem.get('detail')} ({problem['support_code']})")


for connection in get("/api/v1/connections?state=connected")["data"]:
    token = get(f"/api/v1/connections/{connection['id']}/token")
    print(f"{connection['tenant_name']}: call {token['api_base_url']} until {token['expires_at']}")
