import type { Client } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UserService } from "../../proto/gen/everywire/v1/user_service_pb.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { Target } from "./door-driver.ts";
import { toTransportOptions } from "./doors/connect-target.ts";
import { toHeaders } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let admin: Target;
let alice: Target;
beforeAll(async () => {
  server = await serveTarget();
  admin = await server.signIn("root", { roles: ["admin"] });
  alice = await server.signIn("alice");
});
afterAll(() => server.stop());

const failure = async (call: Promise<unknown>): Promise<ConnectError> =>
  call.then(
    () => Promise.reject(new Error("It did not fail.")),
    (thrown: unknown) => ConnectError.from(thrown),
  );
let emails = 0;
const newEmail = () => {
  emails += 1;
  return `u${emails}@example.org`;
};

describe.each([
  { name: "Connect", create: createConnectTransport },
  { name: "gRPC-Web", create: createGrpcWebTransport },
])("UserService over $name", ({ create, name }) => {
  const client = (target: Target): Client<typeof UserService> =>
    createClient(
      UserService,
      create({ httpVersion: "1.1", useHttpGet: true, ...toTransportOptions(target) }),
    );

  it("is the same resource as /api/v1/users", async () => {
    const address = { city: "London", postalCode: "N1" };
    const user = await client(admin).createUser({ name: "Ada", email: newEmail(), address, tags: ["a"] });
    const response = await fetch(`${server.url}/api/v1/users/${user.id}`, { headers: toHeaders(alice) });
    expect(await response.json()).toMatchObject({
      id: user.id,
      name: "Ada",
      email: user.email,
      address,
      tags: ["a"],
    });
    expect(await client(alice).getUser({ id: user.id })).toEqual(user);
    await client(admin).deleteUser({ id: user.id });
    expect((await failure(client(alice).getUser({ id: user.id }))).code).toBe(Code.NotFound);
  });

  it("has the same rules", async () => {
    const email = newEmail();
    await client(admin).createUser({ name: "Bob", email });
    expect((await failure(client({ url: server.url }).listUsers({}))).code).toBe(Code.Unauthenticated);
    expect((await failure(client(alice).createUser({ name: "X", email: newEmail() }))).code).toBe(
      Code.PermissionDenied,
    );
    expect((await failure(client(admin).createUser({ name: "X", email: email.toUpperCase() }))).code).toBe(
      Code.AlreadyExists,
    );
  });

  it("says which fields are at fault", async () => {
    const address = { postalCode: "x".repeat(21) };
    const error = await failure(client(admin).createUser({ name: "", email: "none", address }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("validation_failed");
    const fields = error.findDetails(BadRequestSchema)[0]?.fieldViolations.map(({ field }) => field);
    expect(new Set(fields)).toEqual(new Set(["name", "email", "address.postal_code"]));
  });

  it("changes what the mask names, clears what it names and is not set, and leaves the rest", async () => {
    const email = newEmail();
    const { id } = await client(admin).createUser({
      name: "Eve",
      email,
      address: { street: "A", city: "B" },
      tags: ["t"],
    });
    const change = (user: object, paths?: string[]) =>
      client(admin).updateUser({ id, user, ...(paths === undefined ? {} : { updateMask: { paths } }) });
    expect(await change({ name: "Eva", email: "ignored" }, ["name"])).toMatchObject({
      name: "Eva",
      email,
      tags: ["t"],
    });
    expect((await change({ address: { city: "C" } }, ["address.city"])).address).toMatchObject({
      street: "A",
      city: "C",
    });
    expect((await change({}, ["address.street", "tags"])).address).not.toHaveProperty("street", "A");
    expect(await change({ name: "Evi" })).toMatchObject({
      name: "Evi",
      email,
      address: { city: "C" },
      tags: [],
    });
    expect((await change({ name: "Evo", email }, ["*"])).address).toBeUndefined();
    expect((await failure(change({}, ["name"]))).findDetails(ErrorInfoSchema)[0]?.reason).toBe(
      "validation_failed",
    );
    for (const path of ["id", "created_at", "address.planet", "__proto__"]) {
      const error = await failure(change({ id }, [path]));
      expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
        { field: "update_mask" },
      ]);
    }
    expect((await failure(client(alice).updateUser({ id, user: { name: "M" } }))).code).toBe(
      Code.PermissionDenied,
    );
  });

  it("creates many, tells which were refused and why, and streams and pages through them", async () => {
    const tag = `bulk-${name}`;
    const emails = Array.from({ length: 45 }, newEmail);
    async function* requests() {
      for (const email of emails) yield { name: email, email, tags: [tag] };
      yield { name: "again", email: emails[0] ?? "" };
      yield { name: "", email: newEmail() };
    }
    const { created, failed, failures, users } = await client(admin).bulkCreateUsers(requests());
    expect([created, failed, users.length]).toEqual([45, 2, 45]);
    expect(failures.map(({ index, status }) => [index, status?.code])).toEqual([
      [45, Code.AlreadyExists],
      [46, Code.InvalidArgument],
    ]);

    const streamed = [];
    for await (const user of client(alice).streamUsers({ tag })) streamed.push(user.email);
    expect(streamed).toEqual(emails);

    for (const orderBy of ["", "created_at desc"]) {
      const paged: string[] = [];
      let pageToken = "";
      do {
        const page = await client(alice).listUsers({ tag, orderBy, pageSize: 20, pageToken });
        paged.push(...page.users.map(({ email }) => email));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(paged).toEqual(orderBy === "" ? emails : emails.toReversed());
    }
  });

  it("refuses page tokens of another list, and what is none", async () => {
    const tag = `bulk-${name}`;
    const { nextPageToken: pageToken } = await client(alice).listUsers({ tag, pageSize: 1 });
    for (const request of [
      { pageToken },
      { tag, pageToken, orderBy: "created_at desc" },
      { pageToken: "nonsense" },
    ]) {
      expect((await failure(client(alice).listUsers(request))).code).toBe(Code.InvalidArgument);
    }
    expect((await failure(client(alice).listUsers({ pageSize: -1 }))).code).toBe(Code.InvalidArgument);
    expect((await failure(client(alice).listUsers({ orderBy: "email" }))).code).toBe(Code.InvalidArgument);
  });
});
