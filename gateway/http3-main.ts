// The part of the gateway that runs under Deno: started, and started again where it fails, by http3-process.ts.
import { startHttp3Gateway } from "./http3-gateway.ts";
import { log } from "./log.ts";
import { parseSettings } from "./settings.ts";

const REPORT_EVERY_MS = 500;

// What no listener caught: under Deno, sockets that wait in a pool fail this way. It ends no other connection.
process.on("uncaughtException", (error) => log("uncaught", { why: error, stack: error.stack }));
process.on("unhandledRejection", (reason) => log("unhandled", { why: reason }));

try {
  const gateway = await startHttp3Gateway(parseSettings(process.env));
  console.log(JSON.stringify({ port: gateway.port }));
  let told = "";
  setInterval(() => {
    const report = JSON.stringify(gateway.report());
    if (report !== told) console.log(report);
    told = report;
  }, REPORT_EVERY_MS);
  const stop = async () => {
    await gateway.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  // The terminal's signal goes to the whole group; whoever started us says when to stop.
  process.on("SIGINT", () => {});
  // The pipe is closed when whoever started us is gone, however it went.
  process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0));
  process.stdin.resume();
} catch (error) {
  log("HTTP/3 does not start", { why: error });
  process.exit(1);
}
