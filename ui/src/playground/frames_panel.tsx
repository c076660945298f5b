import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { CopyButton } from "../parts/copy.tsx";
import { bytes, clock } from "../parts/format.ts";
import { Empty } from "../parts/notice.tsx";
import { toHex } from "./bytes.ts";
import { type Frame, client } from "./client.ts";

const WAYS = { in: ["↓", "received"], out: ["↑", "sent"], note: ["·", "note"] } as const;
/** Of a large binary frame only the beginning is worth reading. */
const HEX_BYTES_MAX = 512;

/** All frames, both ways, oldest first. */
export function FramesPanel() {
  const frames = client.frames.value;
  const box = useRef<HTMLOListElement>(null);
  const newest = frames.at(-1)?.number;
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [newest]);
  return (
    <section class="card frames" aria-labelledby="frames-title">
      <div class="card-head">
        <h2 id="frames-title">Frames</h2>
        <div class="acts">
          <CopyButton label="Copy all" text={() => client.frames.value.map(line).join("\n")} />
          <button type="button" class="button small" disabled={frames.length === 0} onClick={() => client.clear()}>
            Clear
          </button>
        </div>
      </div>
      {frames.length === 0 ? (
        <Empty title="No frames yet.">Connect the client: what it sends and receives is shown here, as it goes over the wire.</Empty>
      ) : (
        <ol ref={box} tabIndex={0} aria-label="Frames, newest last">
          {frames.map((frame) => (
            <FrameRow key={frame.number} frame={frame} />
          ))}
        </ol>
      )}
    </section>
  );
}

function FrameRow({ frame }: { frame: Frame }) {
  const [isOpen, setIsOpen] = useState(false);
  const [mark, name] = WAYS[frame.way];
  return (
    <li class={`frame ${frame.way} ${frame.level ?? ""}`}>
      <button type="button" aria-expanded={isOpen} disabled={frame.way === "note"} onClick={() => setIsOpen(!isOpen)}>
        <span class="tabular dim">{clock(frame.time)}</span>
        <span class="way" role="img" aria-label={name}>
          {mark}
        </span>
        <span class="size tabular dim">{frame.way === "note" ? "" : bytes(frame.size)}</span>
        <span class="frame-text">{frame.text}</span>
      </button>
      {isOpen && <FrameDetail frame={frame} />}
    </li>
  );
}

function FrameDetail({ frame }: { frame: Frame }) {
  const { value, wire, text } = frame;
  return (
    <div class="frame-detail">
      <pre class="code" tabIndex={0}>{value ? JSON.stringify(value, null, 2) : text}</pre>
      {wire instanceof Uint8Array && (
        <pre class="code hex" tabIndex={0}>
          {toHex(wire.subarray(0, HEX_BYTES_MAX))}
          {wire.length > HEX_BYTES_MAX ? ` … ${bytes(wire.length - HEX_BYTES_MAX)} more` : ""}
        </pre>
      )}
    </div>
  );
}

function line({ time, way, size, text, value }: Frame) {
  return JSON.stringify({ time, way, size, ...(value ? { frame: value } : { text }) });
}
