import { EverywireError } from "../core/error.ts";
import type { Outbox } from "../core/outbox.ts";
import type { Records } from "../core/records.ts";
import { unwrap } from "../core/result.ts";
import type { Records as RecordsObject } from "../durable-objects/records.ts";
import type { StoredText } from "../durable-objects/records-store.ts";
import { decodeRecordPage, decodeRecordText } from "../wire/rpc-text.ts";

/** The resources, in the SQLite of one Durable Object. */
export function createRecords(namespace: DurableObjectNamespace<RecordsObject>): Records {
  // A stub belongs to the request that made it.
  const main = () => namespace.getByName("main");
  return {
    store: "sqlite",
    get: async (collection, id) => {
      const text = await main().get(collection, id);
      return text === undefined ? undefined : toStored(decodeRecordText(text));
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
