import { EverywireError } from "../core/error.ts";
import type { Outbox } from "../core/outbox.ts";
import type { Records } from "../core/records.ts";
import { unwrap } from "../core/result.ts";
import type { Records as RecordsObject } from "../durable-objects/records.ts";
import type { StoredText } from "../durable-objects/records-store.ts";
import { decodeRecordList, decodeRecordPage, decodeRecordText, encodeRecordKeys } from "../wire/rpc-text.ts";
import type { RecordKey, SendReads } from "./record-reads.ts";
import { RecordReads } from "./record-reads.ts";

/**
 * The resources, in the SQLite of one Durable Object.
 *
 * @param waitUntil keeps a request alive; where it is given, reads that come together go together (`record-reads.ts`).
 *   A Durable Object has no requests that come beside each other, and gives none.
 */
export function createRecords(
  namespace: DurableObjectNamespace<RecordsObject>,
  waitUntil?: (promise: Promise<unknown>) => void,
): Records {
  // A stub belongs to the request that made it.
  const main = () => namespace.getByName("main");
  const send: SendReads = async (keys) => decodeRecordList(await main().getTexts(encodeRecordKeys(keys)));
  const reads = waitUntil && new RecordReads(send, { waitUntil, yieldTurn: () => scheduler.wait(0) });
  const getText = async (key: RecordKey) => (reads === undefined ? (await send([key]))[0] : reads.get(key));
  return {
    store: "sqlite",
    get: async (collection, id) => {
      const text = await getText([collection, id]);
      return text ? toStored(decodeRecordText(text)) : undefined;
    },
    getMany: async (collection, ids) => {
      const found = await main().getMany(collection, ids);
      return found.map((stored) => (stored === undefined ? undefined : toStored(stored)));
    },
    list: async (collection, query) => {
      const answer = await main().list(collection, query);
      if (typeof answer !== "string") throw EverywireError.fromData(answer.error);
      const { records, total, nextCursor } = decodeRecordPage(answer);
      return { records: records.map((stored) => toStored(stored)), total, nextCursor };
    },
    insert: async (request) => {
      const { stored, isReplay } = unwrap(await main().insert(request));
      return { stored: toStored(stored), isReplay };
    },
    insertMany: async (request) => unwrap(await main().insertMany(request)),
    update: async (request) => unwrap(await main().update(request)),
    remove: async (request) => unwrap(await main().remove(request)),
    placeOrder: async (request) => {
      const { stored, isReplay } = unwrap(await main().placeOrder(request));
      return { stored: toStored(stored), isReplay };
    },
    listByParents: async (collection, query) => {
      const lists = await main().listByParents(collection, query);
      return lists.map((list) => list.map((stored) => toStored(stored)));
    },
    saveFile: async (request) => {
      unwrap(await main().saveFile(request));
    },
    getFile: async (name) => main().getFile(name),
    describeFiles: async (names) => main().describeFiles(names),
    orderOwner: async (orderId) => main().orderOwner(orderId),
  };
}

/** What the store in the Durable Object put aside. */
export function createOutbox(namespace: DurableObjectNamespace<RecordsObject>): Outbox {
  const main = () => namespace.getByName("main");
  return {
    listStuck: async (position, limit) => main().listStuck(position, limit),
    getStuck: async (position) => main().getStuck(position),
    retryStuck: async (position) => main().retryStuck(position),
    deleteStuck: async (position) => main().deleteStuck(position),
  };
}

/** What was stored was validated on its way in, so its type is known. */
function toStored<T>(stored: StoredText): { readonly version: number; readonly value: T } {
  return { version: stored.version, value: JSON.parse(stored.body) as T };
}
