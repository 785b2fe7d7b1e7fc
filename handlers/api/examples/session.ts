// Opens a connect session for a customer, and prints where to send them.
const { FIELDBRIDGE_URL, FIELDBRIDGE_KEY, RETURN_URL } = process.env;

const response = await fetch(`${FIELDBRIDGE_URL}/api/v1/connect-sessions`, {
  method: "POST",
  headers: {
    Authorization: `Bearer ${FIELDBRIDGE_KEY}`,
    "Content-Type": "application/json",
    "Idempotency-Key": crypto.randomUUID(), // the same if you send it again
  },
  body: JSON.stringify({
    reference: "customer-4711", // your own ID of the customer
    company_name: "Northgate Heating",
    return_url: RETURN_URL, // registered with the key
  }),
});
const session = await response.json();
if (!response.ok) throw new Error(`${session.type}: ${session.detail}`);
console.log(session.id, session.url);
