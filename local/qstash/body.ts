import { badRequest, QstashProblem } from "./problem.ts";

/**
 * Reads a whole body, and no more of one that is too large than shows it.
 *
 * @throws QstashProblem 413
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > limit) throw tooLarge(limit);
    parts.push(part);
  }
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.byteLength;
  }
  return body;
}

export function tooLarge(limit: number): QstashProblem {
  return new QstashProblem(413, `a body may have ${limit} bytes here`);
}

/** @throws QstashProblem 400, 413 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const text = new TextDecoder().decode(await readBody(request, limit));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badRequest("the body must be JSON");
  }
}
