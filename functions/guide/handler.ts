import { choose } from "../../guide/choose.ts";
import { toGuide } from "../../guide/guide.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { parseFilter, parseQueryAnswers } from "./decode.ts";
import { encodeGuide } from "./encode.ts";

/** `GET /guide?use=&protocol=` */
export function handleGuide(c: EdgeContext): Promise<Response> {
  return encodeGuide(c.req.raw, toGuide(parseFilter(new URL(c.req.url))));
}

/** `GET /guide/choice?use=&client=&direction=&loss=&network=&contract=` */
export function handleChoice(c: EdgeContext): Promise<Response> {
  return encodeGuide(c.req.raw, choose(parseQueryAnswers(new URL(c.req.url))));
}
