// Server-sent events over fetch: EventSource would hide the words of a refusal, and where to go on.

export interface ServerSent {
  event: string;
  data: string;
}

export async function* serverSent(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSent> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  let event = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
          event = "";
          data = [];
        } else if (line.startsWith("data:")) data.push(content(line, 5));
        else if (line.startsWith("event:")) event = content(line, 6);
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const content = (line: string, start: number) => (line[start] === " " ? line.slice(start + 1) : line.slice(start));
