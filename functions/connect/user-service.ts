import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { parseInput } from "../../core/entities/parse-input.ts";
import { userInputSchema } from "../../core/entities/user.ts";
import { EverywireError } from "../../core/error.ts";
import {
  createUser,
  deleteUser,
  getUser,
  listUsers,
  updateUser,
} from "../../core/operations/manage-users.ts";
import type { UserService } from "../../proto/gen/everywire/v1/user_service_pb.ts";
import { callOf } from "./call.ts";
import { delay } from "./delay.ts";
import { encodeUser } from "./encode.ts";
import { toStatus } from "./errors.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { toUserChange } from "./user-mask.ts";
import { decodeAddress, decodeUserFilters, decodeUserOrder } from "./user-query.ts";

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
const MAX_REPORTED_USERS = 1000;
const MAX_REPORTED_FAILURES = 100;

export const userService: ServiceImpl<typeof UserService> = {
  async getUser({ id }, context) {
    return encodeUser((await getUser(callOf(context).operation(), id)).value);
  },

  async listUsers(request, context) {
    if (request.pageSize < 0) throw new EverywireError("invalid_argument", "'page_size' is at least 0.");
    const filters = decodeUserFilters(request);
    const isNewestFirst = decodeUserOrder(request.orderBy);
    const asked = JSON.stringify([filters, isNewestFirst]);
    const page = await listUsers(callOf(context).operation(), {
      filters,
      sort: [{ field: "createdAt", isDescending: isNewestFirst }],
      window: {
        kind: "cursor",
        after: decodePageToken(request.pageToken, asked),
        limit: Math.min(request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize, MAX_PAGE_SIZE),
        isNewestFirst,
      },
    });
    return {
      users: page.records.map(({ value }) => encodeUser(value)),
      nextPageToken: page.nextCursor === undefined ? "" : encodePageToken(page.nextCursor, asked),
    };
  },

  async createUser(request, context) {
    const { name, email, address, tags } = request;
    const input = parseInput(userInputSchema, { name, email, address: decodeAddress(address), tags });
    return encodeUser((await createUser(callOf(context).operation(), input)).stored.value);
  },

  async updateUser({ id, user, updateMask }, context) {
    if (user === undefined) throw new EverywireError("invalid_argument", "'user' is what to change it to.");
    if (id !== "" && user.id !== "" && id !== user.id) {
      throw new EverywireError("invalid_argument", "'id' and 'user.id' are the same where both are given.");
    }
    const change = toUserChange(user, updateMask?.paths);
    const changed = await updateUser(callOf(context).operation(), id || user.id, (current) =>
      parseInput(userInputSchema, change(current)),
    );
    return encodeUser(changed.value);
  },

  async deleteUser({ id }, context) {
    await deleteUser(callOf(context).operation(), id);
    return {};
  },

  async *streamUsers(request, context) {
    const filters = decodeUserFilters(request);
    let after: string | undefined;
    do {
      context.signal.throwIfAborted();
      const page = await listUsers(callOf(context).operation(), {
        filters,
        sort: [],
        window: { kind: "cursor", after, limit: MAX_PAGE_SIZE, isNewestFirst: false },
      });
      for (const { value } of page.records) yield encodeUser(value);
      after = page.nextCursor;
    } while (after !== undefined);
  },

  async bulkCreateUsers(requests, context) {
    const users: ReturnType<typeof encodeUser>[] = [];
    const failures: { index: number; status: ReturnType<typeof toStatus> }[] = [];
    let created = 0;
    let failed = 0;
    for await (const { name, email, address, tags } of requests) {
      // The call has paid for its first user.
      if (created + failed > 0) await untilAdmitted(context);
      context.signal.throwIfAborted();
      try {
        const input = parseInput(userInputSchema, { name, email, address: decodeAddress(address), tags });
        const { stored } = await createUser(callOf(context).operation(), input);
        if (users.length < MAX_REPORTED_USERS) users.push(encodeUser(stored.value));
        created += 1;
      } catch (thrown) {
        if (!isRefusalOfOne(thrown)) throw thrown;
        if (failures.length < MAX_REPORTED_FAILURES) {
          failures.push({ index: created + failed, status: toStatus(thrown) });
        }
        failed += 1;
      }
    }
    return { users, created, failures, failed };
  },
};

/**
 * Counts a message as a request, and waits until the rate allows it: reading no further is how a stream is slowed down in
 * gRPC, and what was created so far is not lost to a refusal.
 */
async function untilAdmitted(context: HandlerContext): Promise<void> {
  for (;;) {
    try {
      await callOf(context).takeRequest();
      return;
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code !== "rate_limited") throw thrown;
      await delay(error.retryAfterMs ?? 1000, context.signal);
    }
  }
}

/** Whether it is this user that is refused, and not the caller or the whole call. */
function isRefusalOfOne(thrown: unknown): boolean {
  return (
    thrown instanceof EverywireError &&
    (thrown.code === "validation_failed" || thrown.code === "already_exists")
  );
}
