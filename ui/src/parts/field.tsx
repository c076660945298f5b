import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface TextProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  placeholder?: string;
  hint?: ComponentChildren;
  mono?: boolean;
  required?: boolean;
  type?: "text" | "search" | "password" | "number";
  rows?: number;
  /** Offered while typing; other values are as good. */
  suggestions?: string[];
  class?: string;
  autoComplete?: string;
  min?: number;
  max?: number;
}

export function TextField({ label, value, onInput, hint, mono, rows, suggestions, type = "text", class: name = "", ...rest }: TextProps) {
  const id = useId();
  const shared = {
    id,
    value,
    class: mono ? "mono" : "",
    spellcheck: false,
    autocapitalize: "off" as const,
    ...(hint ? { "aria-describedby": `${id}-hint` } : {}),
    ...rest,
  };
  return (
    <div class={`field ${name}`}>
      <label for={id}>{label}</label>
      {rows ? (
        <textarea {...shared} rows={rows} onInput={(event) => onInput(event.currentTarget.value)} />
      ) : (
        <input autoComplete="off" {...shared} {...(suggestions ? { list: `${id}-list` } : { type: type as "text" })} onInput={(event) => onInput(event.currentTarget.value)} />
      )}
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly (readonly [Value, string])[];
  onChange: (value: Value) => void;
  class?: string;
}

export function SelectField<Value extends string>({ label, value, options, onChange, class: name = "" }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div class={`field ${name}`}>
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** One of few, all in sight. */
export function Segmented<Value extends string>({ label, value, options, onChange, class: extra = "" }: ChoiceProps<Value>) {
  const name = useId();
  return (
    <div class={`segmented ${extra}`} role="radiogroup" aria-label={label}>
      {options.map(([one, text]) => (
        <label key={one} class={one === value ? "chosen" : ""}>
          <input type="radio" name={name} value={one} checked={one === value} onChange={() => onChange(one)} />
          <span>{text}</span>
        </label>
      ))}
    </div>
  );
}

export function CheckField({ label, checked, onChange, hint }: { label: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void; hint?: string }) {
  return (
    <label class="check" title={hint}>
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
