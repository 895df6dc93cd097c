// node ts_http.mjs '{"source": "…", "add_seconds": 10}' http://127.0.0.1:PORT/mcp
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { main } from "./session.mjs";
import { drive } from "./ts_client.mjs";

const [toolArguments, url] = process.argv.slice(2);

await main(() => drive(new StreamableHTTPClientTransport(new URL(url)), JSON.parse(toolArguments)));
