// What tests with the server look like; the client here is masto, yours takes its place.

import { createRestAPIClient } from "masto";
import { describe, expect, test } from "vitest";
import { kinglet } from "./kinglet.js";

const clientOf = (name) =>
  createRestAPIClient({ url: kinglet.url, accessToken: kinglet.people[name].token });

test("a post reaches its readers", async () => {
  const posted = await clientOf("alice").v1.statuses.create({ status: "Hello from vitest" });
  const [newest] = await clientOf("bob").v1.timelines.public.list({ limit: 1 });
  expect(newest.id).toBe(posted.id);
  expect(newest.account.username).toBe("alice");
});

// Each finds the server as it was at the start, whatever the others did.
describe.each([1, 2])("attempt %i", (attempt) => {
  test("every test begins anew", async () => {
    const posts = await clientOf("alice").v1.timelines.public.list({ limit: 40 });
    expect(posts.filter((post) => post.content.includes("vitest"))).toEqual([]);
    await clientOf("alice").v1.statuses.create({ status: `vitest, attempt ${attempt}` });
  });
});

test("a wrong token is refused", async () => {
  const client = createRestAPIClient({ url: kinglet.url, accessToken: "nobody" });
  await expect(client.v1.timelines.home.list()).rejects.toMatchObject({ statusCode: 401 });
});
