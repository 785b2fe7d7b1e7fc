#!/bin/sh
# Opens a connect session for one of your customers, and prints where to send them.
set -eu
curl -fsS "$FIELDBRIDGE_URL/api/v1/connect-sessions" \
  -H "Authorization: Bearer $FIELDBRIDGE_KEY" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: customer-4711-first-try" \
  -d '{
    "reference": "customer-4711",
    "company_name": "Northgate Heating",
    "return_url": "'"$RETURN_URL"'"
  }'
