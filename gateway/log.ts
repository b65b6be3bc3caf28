/** One line for each thing that an operator wants to know, with the time and whatever makes it findable. */
export function log(message: string, about: Readonly<Record<string, unknown>> = {}): void {
  const pairs = Object.entries(about).map(([name, value]) => ` ${name}=${format(value)}`);
  console.error(`${new Date().toISOString()} gateway: ${message}${pairs.join("")}`);
}

function format(value: unknown): string {
  const text = value instanceof Error ? value.message : String(value);
  return /[\s="]/.test(text) ? JSON.stringify(text) : text;
}
