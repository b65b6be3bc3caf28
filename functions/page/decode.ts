/**
 * Whether a client would rather have HTML than JSON (RFC 9110 §12.5.1). It has to name HTML: `*\/*` is what programs
 * send that did not think of it, and they want what they can parse.
 */
export function prefersHtml(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const html = Math.max(weigh(accept, "text/html"), weigh(accept, "application/xhtml+xml"));
  return html > 0 && html >= weigh(accept, "application/json");
}

/** The weight that a media type is named with; zero where it is not named. */
function weigh(accept: string, wanted: string): number {
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (type !== wanted) continue;
    const weight = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    return Number.isNaN(weight) ? 0 : weight;
  }
  return 0;
}
