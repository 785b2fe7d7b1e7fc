#!/bin/sh
# Lists the connections that work, and reads an access token of the first one.
set -eu
auth="Authorization: Bearer $FIELDBRIDGE_KEY"

connections=$(curl -fsS -H "$auth" "$FIELDBRIDGE_URL/api/v1/connections?state=connected")
id=$(printf '%s' "$connections" | sed 's/.*"data":\[{"id":"\([^"]*\)".*/\1/')

curl -fsS -H "$auth" "$FIELDBRIDGE_URL/api/v1/connections/$id/token"
