import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions } from "miniflare";
import { ROOT } from "../scripts/paths.ts";
import { startRuntime } from "../scripts/runtime.ts";

/** A server that is measured. Its state is on disk, and gone when it stops. */
export interface Server {
  readonly url: string;
  /** The workerd process. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface BareSettings {
  /** What a read answers. */
  readonly record: string;
  /** Bytes that our log adds to what a publisher sends. */
  readonly envelopeBytes: number;
  /** What its `/call/{name}` answers, by name. */
  readonly answers?: Readonly<Record<string, Uint8Array>>;
  /** Where it takes lines over TCP; nowhere where it is left out. */
  readonly tcpPort?: number;
}

/** `bare-worker.js` in the same workerd, started the same way. */
export async function startBare({
  record,
  envelopeBytes,
  answers = {},
  tcpPort,
}: BareSettings): Promise<Server> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-bare-"));
  const options = convertV4MiniflareOptions({
    name: "bare",
    rootPath: ROOT,
    modules: true,
    scriptPath: join(ROOT, "bench", "bare-worker.js"),
    compatibilityDate: "2026-10-01",
    durableObjects: { BARE: { className: "Bare", useSQLite: true } },
    bindings: {
      RECORD: record,
      ENVELOPE_BYTES: envelopeBytes,
      ANSWERS: Object.fromEntries(
        Object.entries(answers).map(([name, bytes]) => [name, Buffer.from(bytes).toString("base64")]),
      ),
    },
    ...(tcpPort === undefined
      ? {}
      : { connectHandlers: [{ protocol: "tcp" as const, port: tcpPort, address: "127.0.0.1" }] }),
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    resourcePersistencePath: stateDirectory,
    cf: false,
  });
  const { miniflare, process, port } = await startRuntime(options);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: process.pid ?? 0,
    stop: async () => {
      await miniflare.dispose();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
