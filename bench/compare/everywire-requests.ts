import { EVENT_BODY, PUBLISH_HEADERS, prepare } from "../everywire-client.ts";
import type { RequestParts } from "../http-connection.ts";
import { GET_USER_PATH, toEnvelope, toGetUser } from "./grpc-message.ts";

const JSON_HEADERS = { "content-type": "application/json" };

/** What is asked of Everywire, door by door, with a token and records that are there. */
export interface EverywireRequests {
  /** The product that is read, as it is answered. */
  readonly product: string;
  readonly authorization: Readonly<Record<string, string>>;
  /** `GetUserRequest`, encoded. */
  readonly getUser: Uint8Array;
  readonly read: RequestParts;
  readonly graphql: RequestParts;
  readonly jsonRpc: RequestParts;
  readonly connect: RequestParts;
  readonly grpcWeb: RequestParts;
  publishTo(name: string): RequestParts;
}

/** Signs in, and creates the records. */
export async function prepareRequests(url: string): Promise<EverywireRequests> {
  const { token, productUrl, product } = await prepare(url);
  const authorization = { authorization: `Bearer ${token}` };
  const productId = productUrl.slice(productUrl.lastIndexOf("/") + 1);
  const post = (path: string, body: string, headers: Readonly<Record<string, string>> = JSON_HEADERS) => ({
    method: "POST" as const,
    url: `${url}${path}`,
    headers: { ...headers, ...authorization },
    body,
  });
  const created = await fetch(`${url}/api/v1/users`, {
    method: "POST",
    headers: { ...JSON_HEADERS, ...authorization },
    body: JSON.stringify({ name: "Ada Lovelace", email: "ada@example.com" }),
  });
  if (!created.ok) throw new Error(`A user was not created: ${created.status}.`);
  const { id } = (await created.json()) as { id: string };
  const getUser = toGetUser(id);
  return {
    product,
    authorization,
    getUser,
    read: { method: "GET", url: productUrl, headers: authorization },
    graphql: post(
      "/graphql",
      JSON.stringify({ query: `{product(id:"${productId}"){id name category price stock}}` }),
    ),
    jsonRpc: post(
      "/rpc",
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "products.get", params: { id: productId } }),
    ),
    connect: post(GET_USER_PATH, JSON.stringify({ id })),
    grpcWeb: post(GET_USER_PATH, toEnvelope(getUser), { "content-type": "application/grpc-web+proto" }),
    publishTo: (name) => ({
      method: "POST",
      url: `${url}/channels/demo/${name}`,
      headers: PUBLISH_HEADERS,
      body: EVENT_BODY,
    }),
  };
}
