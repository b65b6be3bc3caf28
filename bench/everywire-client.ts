/** What the lab needs to have ready in Everywire before it measures. */
export interface Prepared {
  readonly token: string;
  readonly productUrl: string;
  /** The product, as it is answered. */
  readonly product: string;
}

const JSON_HEADERS = { "content-type": "application/json" };

/** The event that every publish sends: 128 bytes. */
export const EVENT_BODY = JSON.stringify({ type: "bench", data: { text: "x".repeat(90) } });
export const PUBLISH_HEADERS = JSON_HEADERS;

/** Signs in as an admin and creates the product that is read. */
export async function prepare(url: string): Promise<Prepared> {
  const { token } = await post<{ token: string }>(`${url}/auth/token`, { name: "bench", roles: ["admin"] });
  const headers = { authorization: `Bearer ${token}` };
  const product = { name: "Desk lamp", category: "home", price: 39.9, stock: 120 };
  const { id } = await post<{ id: string }>(`${url}/api/v1/products`, product, headers);
  const productUrl = `${url}/api/v1/products/${id}`;
  return { token, productUrl, product: await (await fetch(productUrl, { headers })).text() };
}

/** How many bytes the log adds to {@link EVENT_BODY}: the attributes that an event is stored and sent with. */
export async function envelopeBytes(url: string): Promise<number> {
  await post(`${url}/channels/demo/envelope`, JSON.parse(EVENT_BODY));
  const page = await fetch(`${url}/channels/demo/envelope?after=earliest`);
  const { events } = (await page.json()) as { events: readonly unknown[] };
  return JSON.stringify(events[0]).length - EVENT_BODY.length;
}

async function post<T>(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...JSON_HEADERS, ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}
