import { waitForEvents } from "../../core/operations/read-events.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { parametersOf, pathOf } from "../boundary/request-target.ts";
import { decodePollRequest } from "./decode.ts";
import { encodePoll } from "./encode.ts";

/**
 * `GET /poll/{channel}?after=&timeout=&limit=`. A client that leaves is not noticed, so the deadline is what ends the
 * wait; nothing is lost by it, because a reader's place is the cursor that it holds itself.
 */
export async function handlePoll(c: EdgeContext): Promise<Response> {
  const { url } = c.req.raw;
  const channel = channelFromPath(pathOf(url), "/poll/");
  const context = toOperationContext(c);
  const poll = decodePollRequest(parametersOf(url), context.limits);
  // HEAD asks for headers, which do not depend on what comes: it does not wait (RFC 9110 §9.3.2).
  const timeoutMs = c.req.method === "HEAD" ? 0 : poll.timeoutMs;
  const page = await waitForEvents(context, channel, { ...poll, timeoutMs });
  return encodePoll(channel, page, Date.now());
}
