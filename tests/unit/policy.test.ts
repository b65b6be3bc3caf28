import { describe, expect, it } from "vitest";
import type { ChannelGlob } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import type { Identity, UserIdentity } from "../../core/identity.ts";
import type { Action, PolicyRules } from "../../core/policy.ts";
import { assertAllowed, isAllowed } from "../../core/policy.ts";

const rules: PolicyRules = {
  anonymousChannels: ["demo/**" as ChannelGlob],
  orderOwner: (id) => Promise.resolve(id === "o1" ? "alice" : undefined),
};
const user = (subject: string, over: Partial<UserIdentity> = {}): UserIdentity => ({
  kind: "user",
  subject,
  name: subject,
  roles: [],
  channels: undefined,
  expiresAtMs: undefined,
  ...over,
});
const nobody: Identity = { kind: "anonymous", address: "" };
const alice = user("alice");
const admin = user("root", { roles: ["admin"] });
const limited = user("alice", {
  channels: {
    read: ["news" as ChannelGlob, "rooms/**" as ChannelGlob],
    write: ["rooms/lobby" as ChannelGlob],
  },
});
const limitedAdmin = user("root", {
  roles: ["admin"],
  channels: { read: [], write: ["news" as ChannelGlob] },
});

describe("who may do what with a channel (CONTRACT §6)", () => {
  it.each<[string, Identity, Action, string, boolean]>([
    ["anybody reads an anonymous channel", nobody, "read", "demo/x", true],
    ["anybody writes an anonymous channel", nobody, "write", "demo/x", true],
    ["nobody reads the rest", nobody, "read", "news", false],
    ["nobody reads a room", nobody, "read", "rooms/lobby", false],
    ["a user reads a room", alice, "read", "rooms/lobby", true],
    ["a user writes a room", alice, "write", "rooms/lobby/deep", true],
    ["a user deletes no room", alice, "delete", "rooms/lobby", false],
    ["a user reads its inbox", alice, "read", "users/alice/inbox", true],
    ["a user writes its inbox", alice, "write", "users/alice/inbox", true],
    ["a user reads no other's inbox", alice, "read", "users/bob/inbox", false],
    ["a name that starts like one's own is another's", alice, "read", "users/alice2/inbox", false],
    ["an owner reads its order", alice, "read", "orders/o1", true],
    ["another reads no order", user("bob"), "read", "orders/o1", false],
    ["nobody owns an order that is not there", alice, "read", "orders/o2", false],
    ["a user reads the news", alice, "read", "news", true],
    ["a user does not write the news", alice, "write", "news", false],
    ["an admin writes the news", admin, "write", "news", true],
    ["an admin reads any inbox", admin, "read", "users/alice/inbox", true],
    ["an admin deletes", admin, "delete", "news", true],
    ["a listed channel is read", limited, "read", "news", true],
    ["a channel that is not listed is not read", limited, "read", "posts", false],
    ["a listed channel is written", limited, "write", "rooms/lobby", true],
    ["a channel listed for reading alone is not written", limited, "write", "rooms/other", false],
    ["a list leaves what is open to anybody", limited, "write", "demo/x", true],
    ["a list holds for an admin too", limitedAdmin, "read", "news", false],
    ["an admin deletes within its list", limitedAdmin, "delete", "news", true],
  ])("%s", async (_name, identity, action, channel, expected) => {
    expect(await isAllowed(rules, identity, action, parseChannelName(channel))).toBe(expected);
  });

  it("tells who is not signed in to sign in, and who is that it may not", async () => {
    const news = parseChannelName("news");
    await expect(assertAllowed(rules, nobody, "read", news)).rejects.toMatchObject({
      code: "unauthenticated",
    });
    await expect(assertAllowed(rules, alice, "write", news)).rejects.toMatchObject({
      code: "permission_denied",
    });
  });
});
