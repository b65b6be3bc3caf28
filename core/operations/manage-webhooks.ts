import type { ChannelGlob, ChannelName } from "../channel-name.ts";
import { matchesGlob, parseChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { After } from "../cursor.ts";
import { EARLIEST, LATEST, parseAfter, parseCursor } from "../cursor.ts";
import { EverywireError } from "../error.ts";
import type { UserIdentity } from "../identity.ts";
import { isAdmin } from "../identity.ts";
import { createId } from "../ids.ts";
import { assertAllowed } from "../policy.ts";
import { assertSignedIn } from "../resource-policy.ts";
import type {
  DeliveryPage,
  DeliveryStart,
  EndpointChange,
  EndpointPage,
  IssuedSecret,
  ListDeliveriesQuery,
  WebhookDelivery,
  WebhookEndpoint,
} from "../webhooks.ts";
import { endpointOfDelivery, isEndpointId } from "../webhooks.ts";
import { checkTarget } from "./check-target.ts";
import { parseEndpointChange, parseNewEndpoint } from "./webhook-input.ts";

/** Channels among which the one of a cursor is looked for; where there are more, the caller names it. */
const MAX_SEARCHED_CHANNELS = 200;

/**
 * Subscribes an HTTP server to channels (CONTRACT §5); for any signed-in user, who owns it from then on. A pattern may
 * reach channels that the owner may not read: those are not delivered. A channel that is named in full must be readable.
 *
 * @throws EverywireError `validation_failed`, `invalid_argument` for a pattern or a cursor, `permission_denied`,
 *   `rate_limited` where the owner has as many as there may be
 */
export async function createWebhookEndpoint(
  context: OperationContext,
  body: unknown,
): Promise<WebhookEndpoint & IssuedSecret> {
  const { identity } = context;
  assertSignedIn(identity);
  const { after, ...input } = parseNewEndpoint(body);
  await assertTarget(context, input.url);
  await assertReadable(context, input.channels);
  const start = await findStart(context, input.channels, parseAfter(after));
  return context.ports.webhooks.create({
    ...input,
    id: createId("whe", context.nowMs),
    owner: identity,
    start,
  });
}

/** Lists the caller's endpoints, everybody's for an admin, by id. */
export async function listWebhookEndpoints(
  context: OperationContext,
  query: { readonly afterId: string | undefined; readonly limit: number },
): Promise<EndpointPage> {
  const { identity } = context;
  assertSignedIn(identity);
  const owner = isAdmin(identity) ? undefined : identity.subject;
  return context.ports.webhooks.list({ ...query, owner });
}

/** @throws EverywireError `not_found`, also for what belongs to somebody else */
export async function getWebhookEndpoint(context: OperationContext, id: string): Promise<WebhookEndpoint> {
  assertSignedIn(context.identity);
  if (!isEndpointId(id)) throw missing();
  const endpoint = await context.ports.webhooks.get(id);
  // Whether there is one that is not theirs is nobody's to know.
  if (!isAdmin(context.identity) && endpoint.owner !== context.identity.subject) throw missing();
  return endpoint;
}

/**
 * Changes an endpoint. `enabled: true` goes on from where it stopped. A change by the owner also brings what they may
 * read up to date with the token that they make it with.
 */
export async function updateWebhookEndpoint(
  context: OperationContext,
  id: string,
  body: unknown,
): Promise<WebhookEndpoint> {
  const { owner, url } = await getWebhookEndpoint(context, id);
  const change = parseEndpointChange(body);
  const isOwner = isSubject(context, owner);
  // Also where it is only enabled again: its name may lead elsewhere by now.
  if (change.url !== undefined || change.enabled === true) await assertTarget(context, change.url ?? url);
  if (change.channels !== undefined && isOwner) await assertReadable(context, change.channels);
  const full: EndpointChange = isOwner ? { ...change, owner: context.identity as UserIdentity } : change;
  return context.ports.webhooks.update(id, full);
}

export async function deleteWebhookEndpoint(context: OperationContext, id: string): Promise<void> {
  await getWebhookEndpoint(context, id);
  await context.ports.webhooks.remove(id);
}

/** Makes a new secret. The old one signs too for 24 hours, so that the receiver can change over meanwhile. */
export async function rotateWebhookSecret(context: OperationContext, id: string): Promise<IssuedSecret> {
  await getWebhookEndpoint(context, id);
  return context.ports.webhooks.rotateSecret(id);
}

/** Sends a test event now, also to an endpoint that is disabled. It is not retried. */
export async function testWebhookEndpoint(context: OperationContext, id: string): Promise<WebhookDelivery> {
  await getWebhookEndpoint(context, id);
  return context.ports.webhooks.sendTest(id);
}

export async function listWebhookDeliveries(
  context: OperationContext,
  id: string,
  query: ListDeliveriesQuery,
): Promise<DeliveryPage> {
  await getWebhookEndpoint(context, id);
  return context.ports.webhooks.listDeliveries(id, query);
}

/** Sends one delivery again, beside the order of its channel. One that is pending is tried at once. */
export async function replayWebhookDelivery(
  context: OperationContext,
  deliveryId: string,
): Promise<WebhookDelivery> {
  assertSignedIn(context.identity);
  const endpointId = endpointOfDelivery(deliveryId);
  if (endpointId === undefined) throw new EverywireError("not_found", "There is no such webhook delivery.");
  await getWebhookEndpoint(context, endpointId);
  return context.ports.webhooks.replayDelivery(endpointId, deliveryId);
}

/**
 * Delivers again, in order, what came after a cursor on its channel, or everything that is kept on one channel or all.
 *
 * @param channel whose cursor it is; where it is left out the cursor's epoch tells
 * @returns the channels that are delivered again
 */
export async function replayWebhookEvents(
  context: OperationContext,
  id: string,
  options: { readonly after: string | null; readonly channel: string | null },
): Promise<readonly string[]> {
  const { channels } = await getWebhookEndpoint(context, id);
  const after = options.after === null ? LATEST : parseAfter(options.after);
  if (after === LATEST) {
    throw new EverywireError("invalid_argument", "'after' is a cursor or 'earliest': where to go back to.");
  }
  if (options.channel === null) {
    return context.ports.webhooks.replayFrom(id, await findStart(context, channels, after));
  }
  const channel = parseChannelName(options.channel);
  if (!channels.some((glob) => matchesGlob(channel, glob))) {
    throw new EverywireError("invalid_argument", `The endpoint does not follow '${channel}'.`);
  }
  return context.ports.webhooks.replayFrom(id, { channel, after });
}

/** The channel that `after` belongs to. Every life of every channel has an epoch of its own, and the cursor names it. */
async function findStart(
  context: OperationContext,
  globs: readonly ChannelGlob[],
  after: After,
): Promise<DeliveryStart> {
  if (after === LATEST) return "latest";
  if (after === EARLIEST) return "earliest";
  const [only] = globs;
  // Needs no search, and a cursor of an earlier life then leaves a gap, as on every door.
  if (globs.length === 1 && only !== undefined && !only.includes("*"))
    return { channel: parseChannelName(only), after };
  const epoch = parseCursor(after)?.epoch;
  for (const channel of await listMatching(context, globs)) {
    const { next } = await context.ports.channels.read(channel, { after: LATEST, limit: 1 });
    if (parseCursor(next)?.epoch === epoch) return { channel, after };
  }
  throw new EverywireError(
    "invalid_argument",
    "'after' is no cursor of a channel that is followed here; name its channel, or take 'earliest'.",
  );
}

async function listMatching(
  context: OperationContext,
  globs: readonly ChannelGlob[],
): Promise<ReadonlySet<ChannelName>> {
  const channels = new Set<ChannelName>();
  for (const glob of globs) {
    for (const name of await context.ports.directory.match(glob, undefined, MAX_SEARCHED_CHANNELS)) {
      channels.add(name);
    }
  }
  return channels;
}

/** What is named in full and can never be delivered is a mistake that is better told at once. */
async function assertReadable(context: OperationContext, globs: readonly ChannelGlob[]): Promise<void> {
  for (const glob of globs) {
    if (glob.includes("*")) continue;
    await assertAllowed(context.policy, context.identity, "read", parseChannelName(glob));
  }
}

/** @throws EverywireError `validation_failed` where the URL must not be called */
async function assertTarget(context: OperationContext, url: string): Promise<void> {
  const verdict = await checkTarget(url, context.targets, context.ports.names);
  // A name that cannot be looked up now is asked again before each delivery, and nothing is sent until it can be.
  if (verdict.kind !== "refused") return;
  throw new EverywireError("validation_failed", "Some fields are not valid; see details.", {
    details: { url: [verdict.reason] },
  });
}

function isSubject(context: OperationContext, owner: string): boolean {
  return context.identity.kind === "user" && context.identity.subject === owner;
}

function missing(): EverywireError {
  return new EverywireError("not_found", "There is no such webhook endpoint.");
}
