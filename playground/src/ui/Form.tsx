import { type ComponentProps, type ElementType, type ReactNode, useId } from "react";
import { type Complaint, placeOf } from "../session/problem";
import { CircleAlert, SMALL } from "./Icon";

interface FieldProps {
  name: string;
  label: string;
  hint?: ReactNode;
  complaints?: Complaint[];
}

type Props<E extends "input" | "textarea"> = FieldProps & ComponentProps<E>;

export const TextField = (props: Props<"input">) => <Labelled as="input" {...props} />;
export const TextArea = (props: Props<"textarea">) => <Labelled as="textarea" {...props} />;

/** A labelled element to write in, with its hint, and what the server said about it. */
function Labelled({ as: Element, name, label, hint, complaints = [], ...rest }: { as: ElementType } & FieldProps) {
  const id = useId();
  const wrong = messageOf(complaints, name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <Element
        id={id}
        name={name}
        className="input"
        aria-invalid={wrong !== ""}
        aria-describedby={describedBy(id, hint, wrong)}
        {...rest}
      />
      <Below id={id} hint={hint} wrong={wrong} />
    </div>
  );
}

interface SelectProps<T extends string> extends FieldProps {
  value: T;
  options: readonly (readonly [T, string])[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({ name, label, hint, complaints = [], value, options, onChange }: SelectProps<T>) {
  const id = useId();
  const wrong = messageOf(complaints, name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div>
        <select
          id={id}
          name={name}
          className="input"
          value={value}
          aria-describedby={describedBy(id, hint, wrong)}
          onChange={(event) => { onChange(event.target.value as T); }}
        >
          {options.map(([key, words]) => <option key={key} value={key}>{words}</option>)}
        </select>
      </div>
      <Below id={id} hint={hint} wrong={wrong} />
    </div>
  );
}

/** What the server said about no field in particular, or about a field that this form does not have. */
export function Complaints({ of, except = [] }: { of: Complaint[]; except?: readonly string[] }) {
  const general = of.filter(({ field }) => field === undefined || !except.includes(field));
  if (general.length === 0) return null;
  return (
    <div className="note bad" role="alert">
      <CircleAlert {...SMALL} />
      <div>{general.map(({ message }) => <p key={message}>{message}</p>)}</div>
    </div>
  );
}

function Below({ id, hint, wrong }: { id: string; hint: ReactNode; wrong: string }) {
  return (
    <>
      {hint && <span id={`${id}-hint`} className="hint">{hint}</span>}
      {wrong && <span id={`${id}-wrong`} className="bad small" role="alert">{wrong}</span>}
    </>
  );
}

function describedBy(id: string, hint: ReactNode, wrong: string): string | undefined {
  return [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
}

function messageOf(complaints: Complaint[], name: string): string {
  return complaints.filter(({ field }) => field === name).map(inWords).join(" ");
}

function inWords(complaint: Complaint): string {
  const place = placeOf(complaint);
  return place === undefined ? complaint.message : `Entry ${place}: ${complaint.message}`;
}
