/** The records that the peers' programs hold: `servers/product_store.py`, `product-store.js`, `user-store.js`. */
export const PRODUCT_ID = "prd_0mwqcyxusp1xz1appt4tv";
export const USER_ID = "usr_0mwqcyxwl25prhassqyvb";

export const GET_USER_PATH = "/everywire.v1.UserService/GetUser";
/** `GetUserRequest{id}`, encoded. */
export const GET_USER = toGetUser(USER_ID);

/** A message with one string in field 1. */
export function toGetUser(id: string): Uint8Array {
  return Buffer.concat([Buffer.of(0x0a, id.length), Buffer.from(id)]);
}

/** A message of gRPC-Web, not compressed; a character for each byte. */
export function toEnvelope(message: Uint8Array): string {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]).toString("latin1");
}
