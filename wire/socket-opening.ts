/** Carries who opened a connection, as JSON, from the function that checked them to the object that serves them. */
export const SOCKET_OPENING_HEADER = "x-everywire-socket-opening";

/** JSON for a header: a header is Latin-1, a name need not be, so everything else travels escaped. */
export function encodeHeaderJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
