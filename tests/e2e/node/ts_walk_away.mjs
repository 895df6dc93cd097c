// node ts_walk_away.mjs '{"source": "…", "add_seconds": 60}' COMMAND [ARGUMENT…]
// A client that leaves in the middle of a call and comes back to a new server on the same data folder.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { main, serverEnvironment } from "./session.mjs";

const [toolArguments, command, ...args] = process.argv.slice(2);
const env = { ...getDefaultEnvironment(), ...serverEnvironment() };
const UNFINISHED = ["queued", "running"];

async function connected() {
  const client = new Client({ name: "fermata-e2e-walk-away", version: "1.0.0" });
  await client.connect(new StdioClientTransport({ command, args, env }));
  return client;
}

/** Start the call and leave once the work has begun. */
async function leave() {
  const client = await connected();
  const begun = Promise.withResolvers();
  const onprogress = ({ progress }) => progress > 0 && begun.resolve();
  const params = { name: "extend_track", arguments: JSON.parse(toolArguments) };
  const call = client.callTool(params, undefined, { onprogress });
  const answered = call.then(() => true, () => false);
  await Promise.race([begun.promise, answered]);
  const started = performance.now();
  await client.close();
  return { answered: await answered, seconds: (performance.now() - started) / 1000 };
}

/** Find the task in the history and wait for its end. */
async function comeBack() {
  const client = await connected();
  const call = async (name, input) => (await client.callTool({ name, arguments: input })).structuredContent;
  const [{ task_id }] = (await call("list_tasks", {})).tasks;
  const first = await call("get_task", { task_id });
  let task = first;
  while (UNFINISHED.includes(task.status)) task = await call("get_task", { task_id, wait_seconds: 20 });
  await client.close();
  return { found: first.status, task };
}

await main(async () => ({ left: await leave(), ...(await comeBack()) }));
