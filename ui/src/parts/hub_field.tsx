import { get } from "../api/call.ts";
import type { Hub, Page } from "../api/contract.ts";
import { useAsked } from "./ask.ts";
import { TextField } from "./field.tsx";

interface Props {
  value: string;
  onInput: (hub: string) => void;
  label?: string;
  placeholder?: string;
}

/** The hubs that have connections now, fullest first. */
export function useHubs(everyMs?: number) {
  return useAsked((signal) => get<Page<Hub>>("hubs", { limit: 200 }, signal), ["hubs"], everyMs);
}

/** A hub's name: those that are there are offered, and others may be typed. */
export function HubField({ value, onInput, label = "Hub", placeholder = "" }: Props) {
  const hubs = useHubs();
  return <TextField label={label} value={value} onInput={onInput} placeholder={placeholder} suggestions={hubs.value?.items.map(({ name }) => name) ?? []} class="hub-field" />;
}
