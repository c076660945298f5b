import { AccessPanel } from "./access_panel.tsx";
import { ClientPanel } from "./client_panel.tsx";
import { CodePanel } from "./code_panel.tsx";
import { FramesPanel } from "./frames_panel.tsx";

export function PlaygroundPage() {
  return (
    <div class="playground">
      <h1 class="offscreen">Playground</h1>
      <div class="playground-left">
        <AccessPanel />
        <ClientPanel />
      </div>
      <div class="playground-right">
        <FramesPanel />
        <CodePanel />
      </div>
    </div>
  );
}
