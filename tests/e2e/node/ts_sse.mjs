// node ts_sse.mjs '{"source": "…", "add_seconds": 10}' http://127.0.0.1:PORT/sse
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { main } from "./session.mjs";
import { drive } from "./ts_client.mjs";

const [toolArguments, url] = process.argv.slice(2);

await main(() => drive(new SSEClientTransport(new URL(url)), JSON.parse(toolArguments)));
