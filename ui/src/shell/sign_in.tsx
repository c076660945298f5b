import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get, reason } from "../api/call.ts";
import type { SignInWays } from "../api/contract.ts";
import { TextField } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";
import { ask, signIn } from "./sign_in_calls.ts";

const ASK_AGAIN_MS = 3_000;

function Gate({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Hubwire console`;
  }, [title]);
  return (
    <main id="main" class="gate">
      <div class="gate-box">
        <img src="icon.svg" width="36" height="36" alt="" />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

export function SignIn() {
  const [ways, setWays] = useState<SignInWays>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    get<SignInWays>("sign-in").then(setWays, (failure) => setError(reason(failure)));
  }, []);
  return (
    <Gate title="Sign in">
      {error && <Notice tone="error">{error}</Notice>}
      {ways?.refusal && <Notice tone="error">{ways.refusal}</Notice>}
      {ways?.openid && <Elsewhere openid={ways.openid} />}
      {ways?.openid && ways.token && <p>or</p>}
      {ways?.token && <TokenForm />}
    </Gate>
  );
}

function Elsewhere({ openid: { name, start, place } }: { openid: NonNullable<SignInWays["openid"]> }) {
  if (place !== undefined) {
    return (
      <p>
        To sign in with {name}, go to <a href={place}>{place}</a>: it sends people back there.
      </p>
    );
  }
  return (
    <a class="button primary gate-elsewhere" href={start}>
      Sign in with {name}
    </a>
  );
}

function TokenForm() {
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await signIn(token);
    } catch (failure) {
      setError(reason(failure));
    }
    setBusy(false);
  };
  return (
    <form onSubmit={submit}>
      <TextField
        label="Console token"
        type="password"
        value={token}
        onInput={setToken}
        required
        autoComplete="current-password"
        hint={
          <>
            The text of <code>operator_token</code> or <code>viewer_token</code> in <code>[console]</code> of the service's configuration. Access keys do not open the console.
          </>
        }
      />
      {error && <Notice tone="error">{error}</Notice>}
      <button class="button primary" type="submit" disabled={busy || token === ""}>
        {busy ? "Asking…" : "Sign in"}
      </button>
    </form>
  );
}

export function Shut({ code, message }: { code: string; message: string }) {
  return (
    <Gate title={code === "closed" ? "The console is closed" : "This name is not for the console"}>
      <Notice tone="warning">{message}</Notice>
      {code === "closed" ? (
        <>
          <p>Give the service a console token, and start it again:</p>
          <pre class="code">{'[console]\noperator_token = { env = "HUBWIRE_CONSOLE_TOKEN" }\nviewer_token = { file = "/run/secrets/viewer" }'}</pre>
        </>
      ) : (
        <p>In open mode the console answers only under a name of this machine, such as localhost or 127.0.0.1.</p>
      )}
      <button type="button" class="button" onClick={() => void ask()}>
        Ask again
      </button>
    </Gate>
  );
}

export function Unreachable({ message }: { message: string }) {
  useEffect(() => {
    const timer = setInterval(() => void ask(), ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Gate title="No answer">
      <Notice tone="error">{message}</Notice>
      <p>The page asks again every {ASK_AGAIN_MS / 1000} seconds.</p>
    </Gate>
  );
}
