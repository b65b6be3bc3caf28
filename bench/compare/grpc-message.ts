/** `everywire.v1.UserService/GetUser`, the call of all comparisons over Connect, gRPC-Web and gRPC. */
export const GET_USER_PATH = "/everywire.v1.UserService/GetUser";

/** `GetUserRequest{id}`, encoded: a message with one string in field 1. */
export function toGetUser(id: string): Uint8Array {
  return Buffer.concat([Buffer.of(0x0a, id.length), Buffer.from(id)]);
}

/** A message of gRPC-Web, not compressed; a character for each byte. */
export function toEnvelope(message: Uint8Array): string {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]).toString("latin1");
}
