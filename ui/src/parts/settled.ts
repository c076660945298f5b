import { useEffect, useState } from "preact/hooks";

const SETTLE_MS = 250;

/** The value as soon as nobody changes it for a moment: typing asks once, not once a letter. */
export function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
