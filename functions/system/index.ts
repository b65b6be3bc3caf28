import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { assertDevAuth, handleCapabilities, handleHealth, handleReady, handleToken } from "./handler.ts";

/**
 * The door onto the server itself.
 *
 * @param listDoors the table of doors, asked for late, because this door is in it
 */
export function createSystemDoor(listDoors: () => readonly Door[]): Door {
  return {
    name: "system",
    summary: "Health, readiness, capabilities, and tokens for development",
    example: "curl {url}/capabilities",
    guarantees: undefined,
    needs: [],
    mount(app) {
      mountMethods(app, "/health", { GET: handleHealth });
      mountMethods(app, "/ready", { GET: handleReady });
      mountMethods(app, "/capabilities", { GET: (c) => handleCapabilities(c, listDoors()) });
      app.use("/auth/token", async (c, next) => {
        assertDevAuth(c);
        await next();
      });
      mountMethods(app, "/auth/token", { POST: handleToken });
    },
  };
}
