/** An id that nobody else makes: 128 random bits. `crypto.randomUUID` is kept from pages that came over plain HTTP. */
export function createId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
