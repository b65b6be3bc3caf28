// Put before the Worker that is measured (counted-server.ts): the same classes and the same handlers, each counted as
// Cloudflare's price list counts it. What is counted is asked for at /__cost/, by nobody but the bench.
const counts = {
  workerRequests: 0,
  objectCalls: 0,
  objectMessages: 0,
  alarms: 0,
  alarmsSet: 0,
};
/** Cursors of SQL: how many rows one touched is known when it was read to its end. */
let cursors = [];
/** Of each object, from when to when it was busy, in ms. */
let busy = [];
const traced = new WeakMap();
let hasPatchedStorage = false;

/** A namespace, a stub and an environment that count. A call of a method, or a fetch, is a request of the object. */
export function traceEnv(env) {
  let known = traced.get(env);
  if (known === undefined) {
    known = new Proxy(env, {
      get: (target, name) => (isNamespace(target[name]) ? traceNamespace(target[name], name) : target[name]),
    });
    traced.set(env, known);
  }
  return known;
}

function isNamespace(value) {
  return typeof value === "object" && typeof value?.idFromName === "function";
}

function traceNamespace(namespace, binding) {
  let known = traced.get(namespace);
  if (known === undefined) {
    known = new Proxy(namespace, {
      get(target, name) {
        const value = target[name];
        if (typeof value !== "function") return value;
        if (name !== "get" && name !== "getByName") return value.bind(target);
        return (...given) => traceStub(target[name](...given), `${binding} ${String(given[0])}`);
      },
    });
    traced.set(namespace, known);
  }
  return known;
}

function traceStub(stub, object) {
  return new Proxy(stub, {
    get(target, name) {
      if (name === "id" || name === "name" || name === "then" || typeof name === "symbol")
        return target[name];
      return (...given) => {
        counts.objectCalls += 1;
        const answer = target[name](...given);
        track(object, answer);
        return answer;
      };
    },
  });
}

/** The object is busy until it has answered: on the wire between them nothing is lost here, they are in one process. */
function track(object, answer) {
  const span = { object, fromMs: Date.now(), toMs: undefined };
  busy.push(span);
  const end = () => {
    span.toMs = Date.now();
  };
  if (typeof answer?.then === "function") answer.then(end, end);
  else end();
}

const HANDLERS = ["webSocketMessage", "webSocketClose", "webSocketError", "alarm"];

/** A class whose events are counted: those that no stub calls. */
export function traceClass(Base, name) {
  return class extends Base {
    constructor(context, env) {
      patchStorage(context.storage);
      super(context, traceEnv(env));
      for (const handler of HANDLERS) {
        if (typeof super[handler] !== "function") continue;
        const own = super[handler].bind(this);
        this[handler] = (...given) => {
          if (handler === "alarm") counts.alarms += 1;
          if (handler === "webSocketMessage") counts.objectMessages += 1;
          const answer = own(...given);
          track(`${name} ${context.id}`, answer);
          return answer;
        };
      }
    }
  };
}

/** Once for all objects of the isolate: they share the prototypes. */
function patchStorage(storage) {
  if (hasPatchedStorage) return;
  hasPatchedStorage = true;
  const sql = Object.getPrototypeOf(storage.sql);
  const { exec } = sql;
  sql.exec = function (...given) {
    const cursor = exec.apply(this, given);
    cursors.push(cursor);
    return cursor;
  };
  const kv = Object.getPrototypeOf(storage.kv);
  for (const [method, rows] of [
    ["put", { rowsRead: 0, rowsWritten: 1 }],
    ["delete", { rowsRead: 0, rowsWritten: 1 }],
    ["get", { rowsRead: 1, rowsWritten: 0 }],
  ]) {
    const original = kv[method];
    kv[method] = function (...given) {
      cursors.push(rows);
      return original.apply(this, given);
    };
  }
  const whole = Object.getPrototypeOf(storage);
  const { setAlarm } = whole;
  whole.setAlarm = function (...given) {
    counts.alarmsSet += 1;
    return setAlarm.apply(this, given);
  };
}

export function traceWorker(worker) {
  return {
    ...worker,
    fetch(request, env, context) {
      const { pathname } = new URL(request.url);
      if (pathname === "/__cost/reset" || pathname === "/__cost/forget") {
        reset(pathname === "/__cost/forget");
        return new Response();
      }
      if (pathname === "/__cost/counts") return Response.json(report());
      counts.workerRequests += 1;
      return worker.fetch(request, traceEnv(env), context);
    },
    connect(socket, env, context) {
      counts.workerRequests += 1;
      return worker.connect(socket, traceEnv(env), context);
    },
  };
}

function reset(forgetsWaiting) {
  for (const name of Object.keys(counts)) counts[name] = 0;
  cursors = [];
  // What is under way goes on from now.
  const nowMs = Date.now();
  busy = forgetsWaiting ? [] : busy.filter(({ toMs }) => toMs === undefined);
  for (const span of busy) span.fromMs = nowMs;
}

function report() {
  const nowMs = Date.now();
  const spans = busy.map(({ object, fromMs, toMs = nowMs }) => ({ object, fromMs, toMs }));
  const sum = (name) => cursors.reduce((total, cursor) => total + cursor[name], 0);
  return { ...counts, rowsRead: sum("rowsRead"), rowsWritten: sum("rowsWritten"), spans };
}
