// What every client script here does with a server, whichever client library it uses.
//
// A script gets the arguments of `extend_track` as JSON and then the server: a command with its
// arguments, or an address. It prints one JSON object with what the client saw and exits 0, or says
// on stderr what went wrong and exits 1.

const DEADLINE_MS = Number(process.env.CLIENT_DEADLINE_SECONDS ?? 100) * 1000;

/** Settings a host would pass to the server in its `env` block: clients drop the rest. */
export function serverEnvironment() {
  const ours = ([name]) => name.startsWith("FERMATA_") || name.startsWith("PYTHON");
  return Object.fromEntries(Object.entries(process.env).filter(ours));
}

/** The main job: lengthen a track, look at the task, list all, read audio and history. `client` is an adapter:
 *  tools() -> tool[], call(name, args, onProgress) -> result, read(uri) -> resource contents. */
export async function lengthen(client, toolArguments) {
  const tools = (await client.tools()).map((tool) => tool.name);
  const progress = [];
  const started = performance.now();
  const result = await client.call("extend_track", toolArguments, (update) => progress.push(update));
  const seconds = (performance.now() - started) / 1000;
  const taskId = result.structuredContent?.task_id;
  if (!taskId) throw new Error(`extend_track gave no task_id: ${JSON.stringify(result)}`);
  const task = await client.call("get_task", { task_id: taskId });
  const list = await client.call("list_tasks", {});
  const [audio] = await client.read(`fermata://tasks/${taskId}/audio/0`);
  const [tasks] = await client.read("fermata://tasks");
  return {
    tools,
    progress,
    seconds,
    result: result.structuredContent,
    isError: result.isError ?? false,
    text: result.content.filter((part) => part.type === "text").map((part) => part.text).join("\n"),
    links: result.content.filter((part) => part.type === "resource_link").map((part) => part.uri),
    task: task.structuredContent,
    listed: list.structuredContent,
    audio: { mimeType: audio.mimeType ?? null, bytes: Buffer.from(audio.blob ?? "", "base64").length },
    resource: JSON.parse(tasks.text),
  };
}

/** An adapter for the official clients, whose old and new line agree in these calls. */
export function officialAdapter(client, callTool) {
  return {
    tools: async () => (await client.listTools()).tools,
    call: (name, args, onprogress) => callTool({ name, arguments: args }, { onprogress }),
    read: async (uri) => (await client.readResource({ uri })).contents,
  };
}

/** Run `body`, print its answer, and leave within the deadline whatever happens. */
export async function main(body) {
  const late = setTimeout(() => fail(new Error(`no end after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  try {
    const seen = await body();
    process.stdout.write(JSON.stringify(seen) + "\n");
  } catch (error) {
    fail(error);
  } finally {
    clearTimeout(late);
  }
}

function fail(error) {
  console.error(error?.stack ?? error);
  process.exit(1);
}
