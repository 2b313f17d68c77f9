import { useEffect, useRef, useState } from "react";

/** How long to wait for the next key, in milliseconds. */
const QUIET = 250;

interface QuestionProps {
  value: string;
  /** `isStep`: whether going back should lead to the question before. */
  onAsk: (question: string, isStep: boolean) => void;
  onDown: () => void;
}

/** Asks while one types, as soon as the keys are quiet. */
export function QuestionBox({ value, onAsk, onDown }: QuestionProps) {
  const [text, setText] = useState(value);
  const [asked, setAsked] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  // The address changed: by a link, or by going back.
  if (value !== asked) {
    setAsked(value);
    setText(value);
  }

  useEffect(() => {
    // On a touch screen the keyboard would cover what is there to see.
    if (value === "" && matchMedia("(hover: hover)").matches && document.activeElement === document.body) input.current?.focus();
    return () => { clearTimeout(timer.current); };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when the page opens
  }, []);

  function ask(question: string, isStep: boolean) {
    clearTimeout(timer.current);
    const wanted = question.trim();
    if (wanted === asked && !isStep) return;
    setAsked(wanted);
    onAsk(wanted, isStep);
  }

  return (
    <form
      className="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        ask(text, true);
      }}
    >
      <input
        ref={input}
        id="question"
        type="search"
        aria-label="Ask a question"
        placeholder="Ask a question in your own words"
        autoComplete="off"
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => { ask(target.value, false); }, QUIET);
        }}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          onDown();
        }}
      />
      <button className="btn p" type="submit">Search</button>
    </form>
  );
}
