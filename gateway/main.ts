import { startGateway } from "./gateway.ts";
import { log } from "./log.ts";
import { parseSettings } from "./settings.ts";

// Each protocol that is no HTTP gets its own folder, and a line here: gateway/udp, gateway/amqp, gateway/mqtt-bridge.
// What no listener caught is one connection's fault, and the others are not to end with it.
process.on("uncaughtException", (error) => log("uncaught", { why: error, stack: error.stack }));
process.on("unhandledRejection", (reason) => log("unhandled", { why: reason }));

try {
  const gateway = await startGateway(parseSettings(process.env));
  // The one line on stdout: whoever started us waits for it.
  const { ports: ready, certificateHash, missing } = gateway;
  console.log(JSON.stringify({ ready, certificateHash, missing }));
  const stop = async () => {
    process.off("SIGTERM", stop).off("SIGINT", stop);
    await gateway.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop).on("SIGINT", stop);
} catch (error) {
  log("does not start", { why: error });
  process.exit(1);
}
