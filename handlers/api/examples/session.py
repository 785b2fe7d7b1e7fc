"""Opens a connect session for a customer, and prints where to send them."""

import json
import os
import urllib.request
import uuid

request = urllib.request.Request(
    os.environ["FIELDBRIDGE_URL"] + "/api/v1/connect-sessions",
    method="POST",
    headers={
        "Authorization": "Bearer " + os.environ["FIELDBRIDGE_KEY"],
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),  # the same if you send it again
    },
    data=json.dumps({
        "reference": "customer-4711",  # your own ID of the customer
        "company_name": "Northgate Heating",
        "return_url": os.environ["RETURN_URL"],  # registered with the key
    }).encode(),
)
with urllib.request.urlopen(request) as response:
    session = json.load(response)
print(session["id"], session["url"])
