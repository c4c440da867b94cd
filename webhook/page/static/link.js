// A link to an input: `#v1=` and the texts, compressed. What is behind # is never sent to a server.

const START = "#v1=";
const FORM = "deflate-raw";
const MOST_BYTES = 1024 * 1024;

/** The fragment of a link to `input`, which has documents, policy and profile. */
export async function fragment(input) {
  const stream = new Blob([JSON.stringify(input)]).stream().pipeThrough(new CompressionStream(FORM));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return START + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Whether `hash` is the fragment of such a link. */
export const isLink = (hash) => hash.startsWith(START);

/** The input in the fragment `hash`. Throws an Error whose message is one sentence. */
export async function read(hash) {
  let found;
  try {
    const text = atob(hash.slice(START.length).replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    found = JSON.parse(await inflated(bytes));
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new Error("The link is damaged; accepted: a link as “Copy link” makes it");
  }
  const texts = ["documents", "policy", "profile"].map((name) => found?.[name]);
  if (!texts.every((one) => typeof one === "string")) {
    throw new Error("The link lacks a text; accepted: a link as “Copy link” makes it");
  }
  const [documents, policy, profile] = texts;
  return { documents, policy, profile };
}

/** The text that was compressed into `bytes`. A few bytes can stand for very many, so it stops beyond a limit. */
async function inflated(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(FORM)).getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.length;
    if (size > MOST_BYTES) {
      await reader.cancel();
      throw new RangeError("The link holds too much text; accepted: at most 1 MiB");
    }
    text += decoder.decode(value, { stream: true });
  }
}
