import { type KeyboardEvent, type ReactNode, useId, useRef } from "react";

interface MenuProps {
  label: ReactNode;
  /** The button's name, if its label is an icon. */
  name?: string;
  className?: string;
  children: ReactNode;
}

/** A button with a list of actions below it, in the browser's own popover. A click on an action closes it. */
export function Menu({ label, name, className = "btn s", children }: MenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);

  /** Beside the button, within the window. */
  function place() {
    const anchor = button.current?.getBoundingClientRect();
    const menu = list.current;
    if (!anchor || !menu) return;
    const { width, height } = menu.getBoundingClientRect();
    const fitsBelow = anchor.bottom + height + 8 < innerHeight || anchor.top < height + 8;
    menu.style.top = `${fitsBelow ? anchor.bottom + 4 : anchor.top - height - 4}px`;
    menu.style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - width - 8))}px`;
    items(menu)[0]?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    const menu = list.current;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!menu || !step) return;
    event.preventDefault();
    const all = items(menu);
    const index = all.findIndex((item) => item === document.activeElement);
    all.at((index + step + all.length) % all.length)?.focus();
  }

  return (
    <>
      <button ref={button} type="button" className={className} aria-label={name} popoverTarget={id}>
        {label}
      </button>
      <div
        ref={list}
        id={id}
        className="menu"
        popover="auto"
        onToggle={(event) => { if (event.newState === "open") place(); }}
        onKeyDown={onKeyDown}
        onClick={(event) => { if ((event.target as Element).closest("[data-close]")) list.current?.hidePopover(); }}
      >
        {children}
      </div>
    </>
  );
}

export function MenuItem({ onSelect, children }: { onSelect: () => void; children: ReactNode }) {
  return <button type="button" className="item" data-close onClick={onSelect}>{children}</button>;
}

function items(menu: HTMLElement): HTMLElement[] {
  return Array.from(menu.querySelectorAll<HTMLElement>("button, a, input"));
}
