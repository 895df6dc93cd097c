// node ai_sdk_stdio.mjs '{"source": "…", "add_seconds": 10}' COMMAND [ARGUMENT…]
// The client of Vercel's AI SDK: an implementation of its own, which asks `server/discover` first and
// turns to `initialize` when a second passes without an answer. It shows no progress to its caller.
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioTransport } from "@ai-sdk/mcp/mcp-stdio";
import { lengthen, main, serverEnvironment } from "./session.mjs";

const [toolArguments, command, ...args] = process.argv.slice(2);

/** Note the name of every message on its way to the server. */
function overheard(transport, sent) {
  const send = transport.send.bind(transport);
  transport.send = (message, ...rest) => {
    sent.push(message.method ?? "response");
    return send(message, ...rest);
  };
  return transport;
}

await main(async () => {
  const sent = [];
  const transport = new StdioTransport({ command, args, env: serverEnvironment() });
  const client = await createMCPClient({ transport: overheard(transport, sent) });
  const tools = await client.tools();
  const adapter = {
    tools: async () => (await client.listTools()).tools,
    call: (name, args) => tools[name].execute(args, { toolCallId: name, messages: [] }),
    read: async (uri) => (await client.readResource({ uri })).contents,
  };
  const seen = await lengthen(adapter, JSON.parse(toolArguments));
  const server = client.serverInfo;
  const { protocolVersion: protocol } = client.initializeResult;
  await client.close();
  return { protocol, server, sent, ...seen };
});
