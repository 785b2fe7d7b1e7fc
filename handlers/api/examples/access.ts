// Lists the connections that work, and reads an access token of each.
const { FIELDBRIDGE_URL, FIELDBRIDGE_KEY } = process.env;

// get reads an answer of the API. Errors are problems (RFC 9457).
async function get<T>(path: string): Promise<T> {
  const response = await fetch(FIELDBRIDGE_URL + path, { headers: { Authorization: `Bearer ${FIELDBRIDGE_KEY}` } });
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.type}: ${body.detail} (${body.support_code})`);
  return body as T;
}

type Connection = { id: string; tenant_name: string };
type Token = { access_token: string; expires_at: string; api_base_url: string };

const list = await get<{ data: Connection[] }>("/api/v1/connections?state=connected");
for (const connection of list.data) {
  const token = await get<Token>(`/api/v1/connections/${connection.id}/token`);
  console.log(`${connection.tenant_name}: call ${token.api_base_url} until ${token.expires_at}`);
}
