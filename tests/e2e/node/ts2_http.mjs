// node ts2_http.mjs legacy|auto '{"source": "…", "add_seconds": 10}' http://127.0.0.1:PORT/mcp
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { main } from "./session.mjs";
import { drive } from "./ts2_client.mjs";

const [mode, toolArguments, url] = process.argv.slice(2);

await main(() => drive(mode, new StreamableHTTPClientTransport(new URL(url)), JSON.parse(toolArguments)));
