import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PageServer } from "./open-page.ts";
import { goTo, orSkipped, PATIENCE_MS, servePage, signIn, whyNoChromium } from "./open-page.ts";

describe.skipIf(whyNoChromium)(orSkipped("the applications", whyNoChromium), () => {
  let server: PageServer;
  let alice: Page;
  let bob: Page;
  beforeAll(async () => {
    server = await servePage();
    [alice, bob] = await Promise.all([server.open("chat"), server.open("chat")]);
  });
  afterAll(() => server?.stop());

  const say = async (page: Page, text: string) => {
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const messages = (page: Page) => page.locator(".message:not(.unsent) .message-text").allInnerTexts();
  const shows = (page: Page, texts: readonly string[]) =>
    expect.poll(() => messages(page), { timeout: PATIENCE_MS, interval: 50 }).toEqual(texts);

  it("lets two browsers chat with no account at all, in an open room", async () => {
    await say(alice, "anybody there?");
    await shows(bob, ["anybody there?"]);
  });

  it("lets two users chat, see each other, and see who writes", async () => {
    await signIn(alice, "alice");
    await signIn(bob, "bob");
    const here = (page: Page) => page.locator(".members li .wrap-anywhere").allInnerTexts();
    for (const page of [alice, bob]) {
      await expect
        .poll(async () => (await here(page)).sort(), { timeout: PATIENCE_MS })
        .toEqual(["alice", "bob"]);
    }
    await bob.getByRole("textbox", { name: "Message" }).pressSequentially("hi");
    await alice.getByText("bob is writing…").waitFor();
    await say(alice, "hello <b>bob</b>");
    await say(bob, "hello alice");
    for (const page of [alice, bob]) await shows(page, ["hello <b>bob</b>", "hello alice"]);
    expect(await alice.locator(".message").first().locator("strong").innerText()).toBe("alice");
  });

  it("shows what was said meanwhile to one whose connection was cut, and the whole room to who comes later", async () => {
    await alice.getByRole("button", { name: "Cut my connection" }).click();
    await say(bob, "did you see that?");
    await shows(alice, ["hello <b>bob</b>", "hello alice", "did you see that?"]);
    const carol = await server.open("chat");
    await signIn(carol, "carol");
    await shows(carol, ["hello <b>bob</b>", "hello alice", "did you see that?"]);
    await carol.context().close();
  });

  it("shows an order go from pending to shipped, the stock go down in every browser, and the notifications", async () => {
    await goTo(alice, server.url, "orders");
    await alice.getByRole("button", { name: "Put some products on it" }).click();
    await goTo(bob, server.url, "orders");
    const stock = (page: Page) => page.locator('[data-product="Morse key"] [data-stock]');
    await expect.poll(() => stock(bob).innerText(), { timeout: PATIENCE_MS }).toBe("3");
    const more = alice.getByRole("button", { name: "More of Morse key" });
    for (let taken = 0; taken < 2; taken += 1) await more.click();
    await alice.getByRole("button", { name: "Place the order" }).click();
    await alice.locator('[data-order][data-status="shipped"]').waitFor();
    expect(await alice.locator(".steps li.is-done time").count()).toBe(3);
    await expect.poll(() => stock(bob).innerText(), { timeout: PATIENCE_MS }).toBe("1");
    await alice.getByText("Your order was shipped").waitFor();
    // What is there no more cannot be taken.
    expect(await stock(alice).innerText()).toBe("1");
    await more.click();
    expect(await more.isDisabled()).toBe(true);
  });

  it("delivers a webhook, shows the attempt, and delivers it again when asked", async () => {
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        bodies.push(`${request.headers["webhook-id"]} ${(JSON.parse(body) as { type: string }).type}`);
        response.end("thanks");
      });
    }).listen(0, "127.0.0.1");
    try {
      await goTo(alice, server.url, "delivery");
      const hooks = alice.getByRole("region", { name: "Webhooks" });
      await hooks.getByLabel("URL").fill(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`);
      await hooks.getByLabel("Channels").fill("demo/hooked");
      await hooks.getByRole("button", { name: "Add the endpoint" }).click();
      await hooks.getByText(/Its secret is told once: whsec_/).waitFor();
      await fetch(`${server.url}/channels/demo/hooked`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"type":"wire.pulled"}',
      });
      await hooks.locator('[data-delivery="delivered"]').getByText("wire.pulled").waitFor();
      await hooks.getByRole("button", { name: "Send again" }).click();
      await expect.poll(() => bodies.length, { timeout: PATIENCE_MS }).toBe(2);
      expect(bodies[0]).toBe(bodies[1]);
      expect(bodies[0]).toMatch(/^whd_\S+ wire\.pulled$/);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
  });

  it("hands work out, takes it back, gives it up as a dead letter, and tries that anew", async () => {
    const work = alice.getByRole("region", { name: "Work" });
    await work.getByLabel("Channel").fill("demo/work");
    await work.getByRole("button", { name: "Add a job" }).click();
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await work.getByRole("button", { name: "Take one" }).click();
      await work.getByText(`attempt ${attempt}`).waitFor();
      await work.getByRole("button", { name: "Fail" }).click();
      await work.getByText(`attempt ${attempt}`).waitFor({ state: "detached" });
    }
    await work.locator("[data-letter]").waitFor();
    await work.getByRole("button", { name: "Retry" }).click();
    await work.locator("[data-letter]").waitFor({ state: "detached" });
    await work.getByRole("button", { name: "Take one" }).click();
    await work.getByRole("button", { name: "Done" }).click();
    await expect
      .poll(() => work.locator("[data-count=waiting]").innerText(), { timeout: PATIENCE_MS })
      .toBe("0 waiting");
  });

  it("shows a queued message wait, and takes it back", async () => {
    const later = alice.getByRole("region", { name: "Later" });
    await later.getByLabel("Delay").fill("10m");
    await later.getByRole("button", { name: "Put it into the queue" }).click();
    await later.locator("[data-message]").waitFor();
    await later.getByRole("button", { name: "Take back" }).click();
    await later.locator("[data-message]").waitFor({ state: "detached" });
    expect(server.complaints).toEqual([]);
  });
});
