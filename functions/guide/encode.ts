import type { Choice } from "../../guide/choose.ts";
import type { Guide } from "../../guide/guide.ts";
import { answerDocument, createDocument } from "../boundary/document.ts";

/** It changes with a deploy and with nothing else, and says nothing about who asks. */
const CACHE_CONTROL = "public, max-age=300";

export async function encodeGuide(request: Request, value: Guide | Choice): Promise<Response> {
  return answerDocument(
    request,
    await createDocument(JSON.stringify(value), { cacheControl: CACHE_CONTROL }),
  );
}
