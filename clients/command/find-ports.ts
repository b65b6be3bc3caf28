import { request } from "./http.ts";
import type { PortName, Target } from "./target.ts";

/**
 * The same target, with the ports that its server says it has: `npm start` takes others where the usual ones are in use.
 * What the environment names stays as it is, and so does everything where the server does not say.
 */
export async function findPorts(target: Target, signal: AbortSignal): Promise<Target> {
  try {
    const response = await request(target, "/capabilities", { signal });
    const { ports = {}, gateway } = (await response.json()) as {
      readonly ports?: Readonly<Record<string, number | null>>;
      readonly gateway?: { readonly ports?: Readonly<Record<string, number>> };
    };
    const said: Readonly<Record<string, number | null>> = { ...ports, ...gateway?.ports };
    const found = (Object.keys(target.ports) as PortName[]).flatMap((name) => {
      const port = said[name];
      return typeof port === "number" && !target.givenPorts.includes(name) ? [[name, port]] : [];
    });
    return { ...target, ports: { ...target.ports, ...Object.fromEntries(found) } };
  } catch {
    // Whoever goes on with it will be told what is wrong there.
    return target;
  }
}
