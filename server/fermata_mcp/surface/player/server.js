// What every page of ours says to the server, and how its answers are read.

const HTTP_PROTOCOL = "2026-07-28";

class ServerError extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

// What a tool said in words.
function wordsOf(result) {
  const texts = (result.content || []).filter((block) => block.type === "text").map((block) => block.text);
  return texts.join("\n");
}

// One request of the protocol, and its result.
async function askServer(base, method, params) {
  const about = "io.modelcontextprotocol/";
  const _meta = {
    [about + "protocolVersion"]: HTTP_PROTOCOL,
    [about + "clientInfo"]: { name: "fermata-page", version: "1" },
    [about + "clientCapabilities"]: {},
  };
  const named = { "MCP-Protocol-Version": HTTP_PROTOCOL, "Mcp-Method": method, "Mcp-Name": params.name || params.uri };
  const answer = await fetch(base + "/mcp", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...named },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } }),
  }).catch(() => { throw new ServerError("The server does not answer. Is it running?"); });
  const text = await answer.text();
  const lines = text.startsWith("{") ? [text] : text.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5));
  const message = lines.map(parsed).find((one) => one && (one.id === 1 || one.error));
  if (!message || message.error) throw new ServerError(message ? message.error.message : "The server gave no answer.", answer.status);
  return message.result;
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
