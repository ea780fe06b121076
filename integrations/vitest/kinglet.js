// A real microblog server for your tests.
//
// Name this file in vitest.config.js, and take the server from it:
//
//     // vitest.config.js
//     export default { test: { setupFiles: ["./kinglet.js"] } };
//
//     // something.test.js
//     import { kinglet } from "./kinglet.js";
//     const client = yourClient(kinglet.url, kinglet.people.alice.token);
//
// Every test file has a server of its own, so files run side by side; it is as at its beginning again
// before each test: the same people, posts, ids and tokens. (kinglet's `cargo run --release --example dev_start` measures the
// start.) It needs the program `kinglet`, on the PATH or where the variable KINGLET says, and Node 20.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach } from "vitest";

const START_MILLIS_MAX = 20_000;
const STOP_MILLIS_MAX = 10_000;

/** The server: `url`, and in `people` by name `{ name, id, email, password, token }`. It is there once a test begins. */
export const kinglet = {
  url: "",
  people: {},

  /** Gives the server an order of /api/kinglet/v1/dev/, such as `kinglet.order("reset")`. */
  async order(what, parameters = {}) {
    const answer = await fetch(`${this.url}/api/kinglet/v1/dev/${what}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(parameters),
    });
    if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
  },

  /** Makes everything as it was at the start. */
  reset() {
    return this.order("reset");
  },
};

let server;
const kill = () => server?.kill("SIGKILL");

beforeAll(async () => {
  const program = process.env.KINGLET ?? "kinglet";
  server = spawn(program, ["dev", "--json", "--listen", "127.0.0.1:0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", kill);
  const lines = createInterface({ input: server.stdout });
  const failed = once(server, "exit").then(([code]) => {
    throw new Error(`${program} dev didn't start; exit code ${code}`);
  });
  const [line] = await Promise.race([once(lines, "line"), failed]);
  failed.catch(() => {});
  const { url, people } = JSON.parse(line);
  kinglet.url = url;
  kinglet.people = Object.fromEntries(people.map((person) => [person.name, person]));
}, START_MILLIS_MAX);

beforeEach(() => kinglet.reset());

afterAll(async () => {
  if (server.exitCode === null) {
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  }
  process.removeListener("exit", kill);
}, STOP_MILLIS_MAX);
