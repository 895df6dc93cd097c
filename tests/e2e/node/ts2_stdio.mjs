// node ts2_stdio.mjs legacy|auto '{"source": "…", "add_seconds": 10}' COMMAND [ARGUMENT…]
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { main, serverEnvironment } from "./session.mjs";
import { drive } from "./ts2_client.mjs";

const [mode, toolArguments, command, ...args] = process.argv.slice(2);
const env = { ...getDefaultEnvironment(), ...serverEnvironment() };

await main(() => drive(mode, new StdioClientTransport({ command, args, env }), JSON.parse(toolArguments)));
